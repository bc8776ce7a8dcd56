"""Finds the line of a key in a TOML file; tomllib gives values alone."""

import re
from collections.abc import Mapping, Sequence

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_PATH = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_PATH})\s*\]")
_PAIR = re.compile(rf"\s*({_PATH})\s*=")

Path = tuple[str, ...]


def lines_of_keys(text: str) -> dict[Path, int]:
    """Line (from 1) where each table and each key begins. Keys in inline tables are not found."""
    lines: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            path = table = _parts(header[1])
        elif pair := _PAIR.match(line):
            path = table + _parts(pair[1])
        else:
            continue
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], number)
    return lines


def nearest_line(lines: Mapping[Path, int], path: Sequence[str]) -> int | None:
    """Line of a key or, where it is missing, of the table it belongs to. None for neither."""
    for length in range(len(path), 0, -1):
        if found := lines.get(tuple(path[:length])):
            return found
    return None


def _parts(path: str) -> Path:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, path))
