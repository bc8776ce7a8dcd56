"""Settings that come from the environment and change while the emulator runs.

Errors: `SettingsError` names every bad setting at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails


class SettingsError(ValueError):
    """One or more settings have an unknown name or an impossible value."""


def _not_a_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("give a number")
    return value


_Number = BeforeValidator(_not_a_flag)
Whole = Annotated[int, _Number]
Count = Annotated[int, _Number, Field(ge=1)]
Seconds = Annotated[float, _Number, Field(ge=0, le=86_400)]
Rate = Annotated[float, _Number, Field(ge=0, le=1)]
"""A probability."""


class Adjustable(BaseModel):
    """Base of a group of settings. Each is the variable `<PREFIX><NAME IN CAPITALS>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    PREFIX: ClassVar[str]

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read `<PREFIX>*`; a name that is not a setting is an error, it is likely a typo."""
        return cls._checked(
            {
                name.removeprefix(cls.PREFIX).lower(): value
                for name, value in environ.items()
                if name.startswith(cls.PREFIX)
            }
        )

    def changed(self, values: Mapping[str, Any]) -> Self:
        """These settings with some replaced; values may be JSON values or text."""
        return self._checked(self.model_dump() | dict(values))

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> Self:
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsError("; ".join(map(cls._problem, error.errors()))) from None

    @classmethod
    def _problem(cls, error: ErrorDetails) -> str:
        name = f"{cls.PREFIX}{str(error['loc'][0]).upper()}"
        if error["type"] == "extra_forbidden":
            return f"{name} is not a setting"
        return f"{name}={error['input']!r}: {error['msg']}"
