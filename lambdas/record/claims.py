"""What the modules of single events share: events as facts, facts as claims."""

from collections.abc import Iterable
from typing import Any

from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim
from replication.s3.events import Changed, Created, Deleted
from replication.s3.evidence import Evidence
from replication.times import Instant, end_of_second

TRIES = 3
"""How often a message is received before an event of no tracked version is dropped."""


def if_known(facts: Iterable[Fact]) -> list[Claim]:
    """Claims that are written only where the version is known at its destination."""
    return [Claim(fact, must_exist=True) for fact in facts]


def certain(facts: Iterable[Fact]) -> list[Claim]:
    """Claims that are written whatever is known."""
    return [Claim(fact) for fact in facts]


def fact_of(
    event: Created | Changed | Deleted,
    kind: Kind,
    destination: str,
    evidence: Evidence,
    **more: Any,
) -> Fact:
    """A fact about the event's version, at its time and with its id; `more` are other fields."""
    values: dict[str, Any] = {"version": event.version, "at": event.at, "detail": event.detail}
    return Fact(
        kind=kind, destination=destination, evidence=evidence, id=event.id, **(values | more)
    )


def fact_of_replica(event: Created | Deleted, kind: Kind, source: str, evidence: Evidence) -> Fact:
    """A fact about the version in the bucket `source`, whose replica the event is about."""
    version, destination = event.version.in_bucket(source), event.version.bucket
    return fact_of(event, kind, destination, evidence, version=version, at=end_of(event))


def end_of(event: Created | Deleted) -> Instant:
    """The latest time that the event may mean: EventBridge sends whole seconds."""
    return end_of_second(event.at) if event.whole_second else event.at
