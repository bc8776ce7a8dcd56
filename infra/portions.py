"""Splits lists of names to fit the length limits of AWS patterns and expressions."""

from collections.abc import Iterable, Iterator

SEPARATORS = len('"" OR ')
"""The most characters that a name adds to its own: quotes, and what separates it from the next."""


def portions(names: Iterable[str], room: int) -> Iterator[list[str]]:
    """The names in order, in as many lists as it takes to keep each within `room` characters."""
    portion: list[str] = []
    used = 0
    for name in names:
        cost = len(name) + SEPARATORS
        if portion and used + cost > room:
            yield portion
            portion, used = [], 0
        portion.append(name)
        used += cost
    if portion:
        yield portion
