"""What an observation is, and what comes of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3rt.aws_check.lab import Lab


class Verdict(StrEnum):
    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Result:
    """`seen` is what AWS answered; of NOT_CHECKED why there is no answer, and what to do."""

    verdict: Verdict
    seen: str


def holds(seen: str) -> Result:
    return Result(Verdict.HOLDS, seen)


def differs(seen: str) -> Result:
    return Result(Verdict.DIFFERS, seen)


def not_checked(why: str) -> Result:
    return Result(Verdict.NOT_CHECKED, why)


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation of docs/aws-first-hour.md.

    number  its number there
    fact    what the tracker expects
    steps   what the check does
    makes   what the check creates; empty when it only reads
    """

    number: int
    name: str
    fact: str
    steps: str
    check: "Callable[[Lab], Result]"
    makes: str = ""
