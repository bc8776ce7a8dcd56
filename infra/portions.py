"""Lists of names cut to what one pattern or expression of AWS can hold."""

from collections.abc import Iterable, Iterator

SEPARATORS = len('"" OR ')
"""What a name costs beside itself, at most: its quotes and what parts it from the next."""


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
