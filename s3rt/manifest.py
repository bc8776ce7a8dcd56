"""A manifest: the objects of a set, one a line.

key                                     everything of the line
key<TAB>version id
{"key": "...", "version_id": "..."}     JSON, for keys with line breaks or tabs
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer

from s3rt.options import Place


class Named(NamedTuple):
    """An object; `version_id` None: the newest version."""

    key: str
    version_id: str | None

    def as_json(self) -> dict[str, str]:
        return {"key": self.key} | ({"version_id": self.version_id} if self.version_id else {})


def read(file: Path, where: Place) -> list[Named]:
    """The objects, each once, in the order of the file (`-`: standard input). BadParameter names
    the line that is none, or whose key is not under the prefix of `where`."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not UTF-8, as keys of S3 are") from None
    found = list(dict.fromkeys(_objects(text, where)))
    if not found:
        raise typer.BadParameter(f"{file} names no object; write one key a line")
    return found


def _objects(text: str, where: Place) -> Iterator[Named]:
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if not line:
            continue
        named = _of_json(line, number) if line.startswith("{") else _of_text(line)
        if not named.key.startswith(where.key):
            raise typer.BadParameter(
                f"line {number}: {named.key!r} is not under {where}; keys are written whole"
            )
        yield named


def _of_text(line: str) -> Named:
    key, _, version_id = line.partition("\t")
    return Named(key, version_id or None)


def _of_json(line: str, number: int) -> Named:
    try:
        read = json.loads(line)
        key, version_id = read["key"], read.get("version_id")
    except (ValueError, KeyError, TypeError):
        key = version_id = None
    if not isinstance(key, str) or not key or not isinstance(version_id, str | None):
        raise typer.BadParameter(f'line {number}: no object; write {{"key": "...", ...}}')
    return Named(key, version_id)
