"""The payloads of `tests/events`, and ways to change one field of them."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from replication.times import Instant

Payload = dict[str, Any]

RECEIVED = Instant("2026-12-31T00:00:00.000Z")
"""When the queue took them: after every time they speak of."""

_FOLDER = Path(__file__).parents[1] / "events"


def names() -> list[str]:
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


@cache
def body(name: str) -> str:
    """A payload as the body of a message."""
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")


def payload(name: str) -> Payload:
    """A payload as JSON that the caller may change."""
    found: Payload = json.loads(body(name))
    return found


def record(name: str) -> Payload:
    """The first record of a notification."""
    first: Payload = payload(name)["Records"][0]
    return first


def changed(original: Payload, path: str, value: object) -> Payload:
    """A copy with another value at a path such as `s3/object/key`."""
    result = copy.deepcopy(original)
    parent, name = _parent(result, path)
    parent[name] = value
    return result


def without(original: Payload, path: str) -> Payload:
    """A copy without the field at a path."""
    result = copy.deepcopy(original)
    parent, name = _parent(result, path)
    del parent[name]
    return result


def _parent(root: Payload, path: str) -> tuple[Payload, str]:
    *steps, name = path.split("/")
    for step in steps:
        root = root[step]
    return root, name
