"""An incident: many failures of one kind as one thing, and its text in the table."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from replication.counters.counter import (
    FailureKind,
)
from replication.times import Instant

SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """An object version that failed."""

    key: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Incident:
    """`failures`: how often it happened since it opened; `failures_before`: of its kind until then.
    `failing` and `failing_bytes`: what is FAILED when it was last looked at. `recovered_at`: when
    something of the rule first arrived after the last failure. `level`: the power of ten that the
    subscribers know of, 0 for none. `quiet`: it is of failures that an inventory listed, old news
    that nobody is told of."""

    id: str
    kind: FailureKind
    opened_at: Instant
    first_failed_at: Instant
    last_failed_at: Instant
    samples: tuple[Sample, ...] = ()
    failures: int = 0
    failures_before: int = 0
    failing: int = 0
    failing_bytes: int = 0
    recovered_at: Instant | None = None
    resolved_at: Instant | None = None
    level: int = 0
    quiet: bool = False

    @property
    def state(self) -> str:
        return "resolved" if self.resolved_at else "open"


def encode(incident: Incident) -> str:
    """As text for the table; its kind is stored as `trouble`."""
    plain = {
        name: getattr(incident, name)
        for name in Incident.__dataclass_fields__
        if name not in ("kind", "samples")
    }
    kind = incident.kind
    plain["trouble"] = [getattr(kind, name) for name in FailureKind.__dataclass_fields__]
    plain["samples"] = [[one.key, one.version_id] for one in incident.samples]
    return json.dumps(plain, separators=(",", ":"))


def decode(text: str) -> Incident:
    plain = json.loads(text)
    kind = FailureKind(*plain.pop("trouble"))
    return Incident(
        **plain
        | {
            "kind": kind,
            "samples": tuple(Sample(*one) for one in plain["samples"]),
        }
    )


def first_samples(many: Iterable[Sample]) -> tuple[Sample, ...]:
    return tuple(dict.fromkeys(many))[:SAMPLES]
