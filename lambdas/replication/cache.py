"""An answer kept for a while, so that a warm function does not read it for every request."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cached(Generic[K, V]):
    """What `load` answers, for `fresh` seconds, which may depend on the answer. `seconds` is a
    monotonic clock."""

    def __init__(
        self,
        load: Callable[[K], V],
        fresh: Callable[[V], float],
        seconds: Callable[[], float],
    ) -> None:
        self._load = load
        self._fresh = fresh
        self._seconds = seconds
        self._known: dict[K, tuple[float, V]] = {}

    def __call__(self, name: K) -> V:
        if not self.is_fresh(name):
            self._known[name] = (self._seconds(), self._load(name))
        return self._known[name][1]

    def is_fresh(self, name: K) -> bool:
        """Whether it is answered without a read."""
        if name not in self._known:
            return False
        read_at, value = self._known[name]
        return self._seconds() - read_at < self._fresh(value)
