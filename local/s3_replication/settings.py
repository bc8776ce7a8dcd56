"""Every knob of the local S3, read from `LOCAL_S3_*` and changeable while it runs.

Errors: `SettingsError` names every bad setting at once.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "LOCAL_S3_"


class SettingsError(ValueError):
    """One or more settings have an unknown name or an impossible value."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the local S3 behaves.  Seconds are floats, rates are probabilities from 0 to 1.

    Each field is the environment variable `LOCAL_S3_<FIELD IN CAPITALS>`.
    """

    replication_delay_seconds: float = 0.4
    """Shortest time from a write at the source to its replica."""
    replication_jitter_seconds: float = 0.2
    """Added to the delay, uniformly from 0 to this."""
    threshold_seconds: float = 2.0
    """Stands for the fifteen minutes of S3 Replication Time Control."""
    destination_delete_marker_events: bool = True
    """Whether a replicated delete marker emits events in the destination (Amazon does not say)."""
    destination_tag_events: bool = True
    """Whether replicated tags and ACLs emit events in the destination (Amazon does not say)."""
    destination_retention_events: bool = True
    """Whether a replicated retention emits an event in the destination (Amazon does not say)."""
    header_fails_at_once: bool = True
    """Whether the header reads FAILED while another destination is pending (Amazon does not
    say)."""
    changes_reach_new_destinations: bool = False
    """Whether a later change carries a version to a destination whose rule came after it was
    written (Amazon does not say)."""
    later_failure_events: bool = True
    """Whether tags, an ACL or a lock that do not arrive are a failure event (Amazon does not
    say)."""
    later_failure_names_put: bool = False
    """Whether such an event has the `s3Operation` OBJECT_PUT (Amazon does not say)."""
    later_failure_repeats_write: bool = False
    """Whether such an event has the `requestTime` and the sequencer of the version's creation
    rather than of the change (Amazon does not say)."""
    event_drop_rate: float = 0.0
    """Share of event deliveries that never happen."""
    event_duplicate_rate: float = 0.0
    """Share of event deliveries that happen twice."""
    event_delay_rate: float = 0.0
    """Share of event deliveries that come late, and so out of order."""
    event_delay_seconds: float = 1.0
    """Longest such delay."""
    max_jobs: int = 100_000
    """Replications waiting at once; a write beyond it stays PENDING for ever and is logged."""
    seed: int = 1
    """Seed of the jitter and of the faults; setting it again starts the sequence again."""

    def __post_init__(self) -> None:
        problems = [
            f"{PREFIX}{field.name.upper()}={getattr(self, field.name)!r} is not {wanted}"
            for field in dataclasses.fields(self)
            if (wanted := _violated(field.name, getattr(self, field.name)))
        ]
        if problems:
            raise SettingsError("; ".join(problems))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read `LOCAL_S3_*`; a name that is not a setting is an error, it is likely a typo."""
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(PREFIX)
        }
        return cls().changed(given)

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """These settings with some replaced; values may be JSON values or text."""
        fields = {field.name: field for field in dataclasses.fields(self)}
        problems: list[str] = []
        converted: dict[str, Any] = {}
        for name, value in values.items():
            if name not in fields:
                problems.append(f"{PREFIX}{name.upper()} is not a setting")
                continue
            try:
                converted[name] = _convert(getattr(self, name), value)
            except (TypeError, ValueError):
                problems.append(f"{PREFIX}{name.upper()}={value!r} is not {_type_of(self, name)}")
        if problems:
            raise SettingsError("; ".join(problems))
        return dataclasses.replace(self, **converted)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _type_of(settings: Settings, name: str) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number"}[
        type(getattr(settings, name))
    ]


def _violated(name: str, value: float) -> str | None:
    """What the value should have been, or None when it is fine."""
    if name.endswith("_rate"):
        return None if 0 <= value <= 1 else "between 0 and 1"
    if name.endswith("_seconds"):
        return None if 0 <= value <= 86_400 else "between 0 and 86400 seconds"
    if name == "max_jobs":
        return None if value >= 1 else "at least 1"
    return None


def _convert(current: bool | float, value: object) -> bool | int | float:
    if isinstance(current, bool):
        if isinstance(value, bool):
            return value
        return {"true": True, "1": True, "false": False, "0": False}[_text(value)]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    return int(value) if isinstance(current, int) else float(value)


def _text(value: object) -> str:
    text = str(value).strip().lower()
    if text not in {"true", "1", "false", "0"}:
        raise ValueError(value)
    return text
