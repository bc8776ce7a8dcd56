"""The body of POST /v1/redrives. Pure: it checks all that can be checked without reading."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from replication import times
from replication.published.redrive import Selection

LONGEST_BODY = 16_384
"""Bytes."""
KEY_BYTES = 1_024
"""The most S3 takes for a key or a prefix, in UTF-8."""
_TEXTS = {
    "bucket": 63,
    "destination": 63,
    "rule_id": 255,
    "code": 255,
    "prefix": KEY_BYTES,
    "incident_id": 255,
}
"""Filters that are text, with the most characters of each."""
_TIMES = ("since", "until")
_OF_AN_INCIDENT = ("bucket", "destination", "rule_id", "code")
FILTERS = (*_TEXTS, *_TIMES)
MEMBERS = ("dry_run", "force", "plan_id", *FILTERS)


class BadRequest(Exception):
    """The body cannot be used. `parameter` is the member that has to change, if it is one."""

    def __init__(self, detail: str, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class PlanWanted:
    selection: Selection
    force: bool = False


@dataclass(frozen=True, slots=True)
class StartWanted:
    plan_id: str
    force: bool = False


def parse(body: str | None) -> PlanWanted | StartWanted:
    """What the body asks for. BadRequest when it is nothing of both."""
    given = _members(body)
    force, dry_run = _flag(given, "force", False), _flag(given, "dry_run", True)
    plan_id = _text(given, "plan_id", 64)
    if not dry_run:
        if plan_id is None:
            raise BadRequest(
                "A start names a plan: ask for one without dry_run, then send its id as plan_id"
                " with dry_run false.",
                "plan_id",
            )
        for name in FILTERS:
            if given.get(name) is not None:
                raise BadRequest(f"{name} is a filter of a plan; a start takes none.", name)
        return StartWanted(plan_id, force)
    if plan_id is not None:
        raise BadRequest("plan_id is for a start, with dry_run false.", "plan_id")
    return PlanWanted(_selection(given), force)


def _members(body: str | None) -> Mapping[str, Any]:
    if body and len(body.encode()) > LONGEST_BODY:
        raise BadRequest(f"The body has over {LONGEST_BODY:,} bytes.")
    try:
        given = json.loads(body or "{}")
    except (ValueError, RecursionError):
        raise BadRequest("The body is no JSON.") from None
    if not isinstance(given, dict):
        raise BadRequest("The body is no JSON object.")
    for name in given:
        if name not in MEMBERS:
            raise BadRequest(
                f"{name[:64]!r} is no member of the body; it has {', '.join(MEMBERS)}.", name[:64]
            )
    return given


def _selection(given: Mapping[str, Any]) -> Selection:
    texts: dict[str, Any] = {name: _text(given, name, most) for name, most in _TEXTS.items()}
    if texts["incident_id"] is not None:
        for name in _OF_AN_INCIDENT:
            if texts[name] is not None:
                raise BadRequest(f"The incident names the {name}; leave it out.", name)
    prefix = texts["prefix"]
    if prefix is not None and len(prefix.encode()) > KEY_BYTES:
        raise BadRequest(f"prefix has over {KEY_BYTES:,} bytes in UTF-8.", "prefix")
    found = Selection(**texts)
    for name in _TIMES:
        found = replace(found, **{name: _time(given, name)})
    if found.since and found.until and found.since >= found.until:
        raise BadRequest("until is not after since.", "until")
    return found


def _text(given: Mapping[str, Any], name: str, most: int) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise BadRequest(f"{name} is no text of 1 to {most:,} characters.", name)
    if any("\ud800" <= one <= "\udfff" for one in value):
        raise BadRequest(f"{name} has half of a surrogate pair, which is no text in UTF-8.", name)
    return value


def _time(given: Mapping[str, Any], name: str) -> times.Instant | None:
    value = given.get(name)
    if value is None:
        return None
    try:
        return times.parse(value)
    except (ValueError, TypeError, OverflowError):
        raise BadRequest(
            f"{name} is no RFC 3339 time with an offset, such as 2026-11-22T09:15:00Z.", name
        ) from None


def _flag(given: Mapping[str, Any], name: str, otherwise: bool) -> bool:
    value = given.get(name, otherwise)
    if not isinstance(value, bool):
        raise BadRequest(f"{name} is neither true nor false.", name)
    return value
