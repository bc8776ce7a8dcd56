"""Matches events against patterns, as EventBridge rules and Lambda filters do.

As much of the pattern language as the stack uses: nested fields, exact values, `anything-but` and
`exists`. A field that is missing matches `{"exists": false}` alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_MISSING = object()


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether every field of the pattern accepts the event's."""
    return all(_field(wanted, _get(event, name)) for name, wanted in pattern.items())


def _get(event: Any, name: str) -> Any:
    return event.get(name, _MISSING) if isinstance(event, Mapping) else _MISSING


def _field(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping):
        return matches(wanted, found)
    assert isinstance(wanted, Sequence), wanted
    return any(_value(one, found) for one in wanted)


def _value(wanted: Any, found: Any) -> bool:
    match wanted:
        case {"exists": bool(there)}:
            return (found is not _MISSING) is there
        case {"anything-but": list(refused)}:
            return found is not _MISSING and found not in refused
        case str():
            return bool(found == wanted)
        case _:
            raise AssertionError(f"not understood: {wanted!r}")
