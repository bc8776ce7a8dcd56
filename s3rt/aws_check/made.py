"""What a check made, and its removal."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from s3rt.aws_errors import explained

ATTEMPTS = 5
PAUSE_SECONDS = 3.0
"""Between attempts: replicas still arrive in a bucket that was just emptied."""
_GONE = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchEntity",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)


@dataclass(frozen=True, slots=True)
class Thing:
    """`what` it is for a person, `remove` removes it, `by_hand` is the command that does."""

    what: str
    remove: Callable[[], None]
    by_hand: str


@dataclass(frozen=True, slots=True)
class Left:
    """Something that could not be removed."""

    thing: Thing
    why: str


@dataclass(frozen=True, slots=True)
class Made:
    """Noted before each thing is made: what exists is removed, whenever the check ends."""

    things: list[Thing] = field(default_factory=list)

    def will_be(self, what: str, remove: Callable[[], None], by_hand: str) -> None:
        """Notes a thing that is about to be made."""
        self.things.append(Thing(what, remove, by_hand))

    def remove_all(self, progress: Callable[[str], None]) -> list[Left]:
        """Removes all things, the last one first; returns what is left. An interruption ends it, so
        that the rest is left."""
        left: list[Left] = []
        try:
            while self.things:
                progress(f"removing {self.things[-1].what}")
                why = self._removed(self.things[-1])
                thing = self.things.pop()
                if why:
                    left.append(Left(thing, why))
        except KeyboardInterrupt:
            left += [Left(thing, "the removal was interrupted") for thing in reversed(self.things)]
        return left

    def _removed(self, thing: Thing) -> str | None:
        """None when it is gone, else why it is not."""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_SECONDS)
            try:
                thing.remove()
                return None
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    return None
                why = explained(error)
            except BotoCoreError as error:
                why = explained(error)
        return why
