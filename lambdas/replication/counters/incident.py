"""An incident: many failures of one kind as one thing, and how it is stored in the table."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from replication.counters.counter import FailureKind
from replication.times import Instant

SAMPLES = 5
"""How many failed versions an incident names."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An object version that failed."""

    key: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Incident:
    """Failures of one kind, from the first until all of them recovered."""

    id: str
    kind: FailureKind
    opened_at: Instant
    """When the tracker opened it."""
    first_failed_at: Instant
    last_failed_at: Instant
    samples: tuple[Sample, ...] = ()
    failures: int = 0
    """Failures since it opened."""
    failures_before: int = 0
    """Failures of its kind counted before it opened."""
    failing: int = 0
    """Versions that were FAILED at the latest update, and their bytes."""
    failing_bytes: int = 0
    recovered_at: Instant | None = None
    """When the first version of the rule arrived after the last failure."""
    resolved_at: Instant | None = None
    """None: it is open."""
    level: int = 0
    """The largest power of ten of failures that was announced; 0: none."""
    quiet: bool = False
    """Its failures were learnt from an inventory: they are old and not announced."""

    @property
    def state(self) -> str:
        """`open` or `resolved`, as the API calls it."""
        return "resolved" if self.resolved_at else "open"


def encode(incident: Incident) -> str:
    """An incident as text for the table. The kind is stored as `trouble`."""
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
    """The incident that `encode` wrote."""
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
    """The first `SAMPLES`, without repeats."""
    return tuple(dict.fromkeys(many))[:SAMPLES]
