"""Settings that come from the environment and change while the emulator runs.

Errors: `SettingsError` names every bad setting at once.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(ValueError):
    """One or more settings have an unknown name or an impossible value."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Adjustable:
    """Base of a group of settings.  Seconds are floats, rates are probabilities from 0 to 1.

    Each field is the environment variable `<PREFIX><FIELD IN CAPITALS>`.
    """

    PREFIX: ClassVar[str]

    def __post_init__(self) -> None:
        problems = [
            f"{self.PREFIX}{field.name.upper()}={getattr(self, field.name)!r} is not {wanted}"
            for field in dataclasses.fields(self)
            if (wanted := _violated(field.name, getattr(self, field.name)))
        ]
        if problems:
            raise SettingsError("; ".join(problems))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read `<PREFIX>*`; a name that is not a setting is an error, it is likely a typo."""
        given = {
            name.removeprefix(cls.PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(cls.PREFIX)
        }
        return cls().changed(given)

    def changed(self, values: Mapping[str, Any]) -> Self:
        """These settings with some replaced; values may be JSON values or text."""
        fields = {field.name: field for field in dataclasses.fields(self)}
        problems: list[str] = []
        converted: dict[str, Any] = {}
        for name, value in values.items():
            if name not in fields:
                problems.append(f"{self.PREFIX}{name.upper()} is not a setting")
                continue
            try:
                converted[name] = _convert(getattr(self, name), value)
            except (TypeError, ValueError):
                problems.append(
                    f"{self.PREFIX}{name.upper()}={value!r} is not {_type_of(self, name)}"
                )
        if problems:
            raise SettingsError("; ".join(problems))
        return dataclasses.replace(self, **converted)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _type_of(settings: Adjustable, name: str) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number"}[
        type(getattr(settings, name))
    ]


def _violated(name: str, value: float) -> str | None:
    """What the value should have been, or None when it is fine."""
    if name.endswith("_rate"):
        return None if 0 <= value <= 1 else "between 0 and 1"
    if name.endswith("_seconds"):
        return None if 0 <= value <= 86_400 else "between 0 and 86400 seconds"
    if name.startswith("max_"):
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
