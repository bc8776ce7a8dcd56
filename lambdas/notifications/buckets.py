"""Adds our notification to a bucket and takes it away again, and leaves what others have there.

S3 has no conditional write of this configuration: between reading and writing somebody else may
write, too. So it is read again after each write, and done only when it is then as it should be; if
their write has overwritten ours, ours is added to theirs. What cannot be seen is that ours has
overwritten theirs; each attempt therefore reads anew, so that this takes the same few milliseconds.
A read that is older than our last write (S3 allows it) only leads to the same write once more.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol

from notifications import refusal
from notifications.patience import Patience
from notifications.refusal import Refused
from replication.errors import Denied, Unavailable
from replication.s3.bucket_notifications import (
    Configuration,
    Gone,
    Ours,
    Unvalidated,
    taken,
    targets_of_others,
    unwired,
    wired,
)
from replication.threads import concurrently

log = logging.getLogger(__name__)

THREADS = 8

Want = Callable[[Configuration], Configuration]
"""What a configuration should be; the same object when it is so already."""


class Notifications(Protocol):
    """S3. Gone: no such bucket. Denied, Unavailable, Unvalidated: perhaps later."""

    def read(self, bucket: str) -> Configuration: ...

    def write(self, bucket: str, wanted: Configuration, *, validated: bool) -> None: ...

    def region(self, bucket: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Buckets:
    s3: Notifications

    def wire(self, bucket: str, ours: Ours, patience: Patience) -> None:
        """EventBridge on where it is needed, and our events to our target. Refused when that cannot
        be, with the reason."""

        def want(now: Configuration) -> Configuration:
            if ours.events and (others := taken(now, ours)):
                raise Refused(refusal.event_types_taken(bucket, others[0]))
            return wired(now, ours)

        try:
            self._settle(bucket, ours, want, patience)
        except Gone as error:
            raise Refused(refusal.no_such_bucket(bucket)) from error

    def unwire(self, bucket: str, ours: Ours, patience: Patience) -> None:
        """Without our entry. A bucket that is gone has none."""
        try:
            self._settle(bucket, replace(ours, events=()), lambda now: unwired(now, ours), patience)
        except Gone:
            log.warning("%s is gone, and our notification with it", bucket)

    def wire_all(self, buckets: Sequence[str], ours: Ours, patience: Patience) -> None:
        """Each of them. Refused, with everything that stands in the way."""
        _each(lambda bucket: self.wire(bucket, ours, patience), buckets)

    def unwire_all(self, buckets: Sequence[str], ours: Ours, patience: Patience) -> None:
        _each(lambda bucket: self.unwire(bucket, ours, patience), buckets)

    def _settle(self, bucket: str, ours: Ours, want: Want, patience: Patience) -> None:
        validated = True
        for attempt in count():
            is_last = patience.is_over
            now: Configuration = {}
            try:
                now = self.s3.read(bucket)
                if (wanted := want(now)) is now:
                    return
                self.s3.write(bucket, wanted, validated=validated)
                read_again = self.s3.read(bucket)
                if want(read_again) is read_again:
                    return
                problem = "somebody else overwrites its notifications again and again"
            except Unvalidated as error:
                if validated and _is_of_others(error, now, ours, waited=is_last):
                    log.warning("%s: a target of somebody else: %s", bucket, error)
                    validated = False
                    continue
                problem = str(error)
            except Denied as error:
                problem = refusal.not_allowed(error.action)
            except Unavailable as error:
                problem = str(error)
            if is_last:
                raise Refused(f"Bucket {bucket}: {problem}")
            log.warning("%s again: %s", bucket, problem)
            patience.pause(attempt)


def _each(do: Callable[[str], None], buckets: Sequence[str]) -> None:
    """The buckets are tried at the same time, so that one that takes its time keeps nobody up."""

    def problem(bucket: str) -> str | None:
        try:
            do(bucket)
        except Refused as error:
            return str(error)
        return None

    if problems := [one for one in concurrently(problem, buckets, THREADS) if one]:
        raise Refused("\n".join(problems))


def _is_of_others(error: Unvalidated, now: Configuration, ours: Ours, *, waited: bool) -> bool:
    """Whether only targets of others are not reached, so that ours is validated.

    What others have in the bucket was accepted once and is written back as it was: that their queue
    is deleted by now must not keep us out, so it is written without validation. Ours must be
    validated first, or a mistake in its target's policy would pass unseen. S3 names the targets
    that fail; when it names none, ours is right after all the time that its policy takes at most.
    """
    if not targets_of_others(now, ours):
        return False
    if not ours.events:
        return True
    return ours.target not in error.targets if error.targets else waited
