"""How long to try what AWS does not let through at once."""

from collections.abc import Callable
from dataclasses import dataclass, field

SECONDS = 90.0
"""A new policy of a role takes seconds to be effective everywhere, a queue's up to a minute."""

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 15.0


@dataclass(slots=True)
class Patience:
    """One request's time for all its attempts. When it is over, each thing is tried once more."""

    now: Callable[[], float]
    sleep: Callable[[float], None]
    seconds: float = SECONDS
    _ends: float = field(init=False)

    def __post_init__(self) -> None:
        self._ends = self.now() + self.seconds

    @property
    def is_over(self) -> bool:
        return self.now() >= self._ends

    def pause(self, attempt: int) -> None:
        """Longer from attempt to attempt (they count from 0), and never past the end."""
        longer = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
        self.sleep(max(0.0, min(longer, self._ends - self.now())))
