"""Statements of a PartiQL batch are throttled one by one, when somebody asks for it.

AWS: a `BatchExecuteStatement` that hits the limit of a table or partition answers 200; the error is
that of single statements, the others took effect, and no SDK tries those again.
MiniStack 1.5.33: has no limits.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, ClassVar

from local.adjustable import Adjustable, Rate, Whole
from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

_ERRORS = {
    "ThrottlingError": "Throughput exceeds the current capacity of your table or index.",
    "ProvisionedThroughputExceeded": "The level of configured provisioned throughput for the table "
    "was exceeded.",
    "RequestLimitExceeded": "Throughput exceeds the current throughput limit for your account.",
}


class TableSettings(Adjustable):
    """How the local DynamoDB behaves."""

    PREFIX: ClassVar[str] = "LOCAL_DYNAMODB_"

    statement_throttle_rate: Rate = 0.0
    """Share of the statements in PartiQL batches that are throttled."""
    seed: Whole = 1
    """Seed of which ones; setting it again starts the sequence again."""


class StatementThrottling:
    """Which statements are throttled, and how many were."""

    def __init__(self, settings: TableSettings) -> None:
        self._use(settings)
        self._statements = self._throttled = 0

    def _use(self, settings: TableSettings) -> None:
        self._settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311 - faults, not a secret

    def configure(self, values: Mapping[str, Any]) -> None:
        """Change settings by name; raises `SettingsError` and changes nothing when one is wrong."""
        self._use(self._settings.changed(values))

    def describe(self) -> dict[str, Any]:
        """Settings and counts since the start."""
        stats = {"statements": self._statements, "throttled": self._throttled}
        return {"settings": self._settings.model_dump(), "stats": stats}

    def draw(self) -> str | None:
        """The error of the next statement; None of one that goes through."""
        self._statements += 1
        if self._random.random() >= self._settings.statement_throttle_rate:
            return None
        self._throttled += 1
        return self._random.choice(list(_ERRORS))


def apply(dynamodb: ModuleType, throttling: StatementThrottling) -> None:
    """Throttle in front of the table: a statement that is throttled is not looked at."""
    answer = require(dynamodb, "json_response", "data")

    def throttled(inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(data: Mapping[str, Any]) -> Any:
            errors = [throttling.draw() for _ in data.get("Statements") or ()]
            if not any(errors):
                return inner(data)
            statements = zip(data["Statements"], errors, strict=True)
            left = [statement for statement, error in statements if error is None]
            rest: dict[str, Any] = {"Responses": []}
            if left:
                response = inner({**data, "Statements": left})
                if response[0] != 200:
                    return response
                rest = json.loads(response[2])
            passed = iter(rest["Responses"])
            rest["Responses"] = [next(passed) if e is None else _refusal(e) for e in errors]
            return answer(rest)

        return run

    wrap(dynamodb, "_batch_execute_statement", "data", by=throttled)


def _refusal(code: str) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": _ERRORS[code]}}
