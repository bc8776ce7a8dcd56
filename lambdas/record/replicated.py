"""An event of S3's replication service about one version and one destination."""

from typing import TYPE_CHECKING

from record.claims import certain
from replication.errors import Denied
from replication.head.reader import VersionReader, possible_destinations
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim
from replication.ledger.state import State
from replication.s3.events import Operation, Replicated
from replication.s3.evidence import Evidence
from replication.s3.failure_reasons import ALREADY_REPLICATED
from replication.s3.rule_history import not_tracked
from replication.times import Instant

if TYPE_CHECKING:
    from record.batch import Batch


def claims(world: "Batch", event: Replicated) -> list[Claim] | None:
    """The claims of the event alone; None when it says nothing about the outcome. Rejected when it
    is of no tracked source: every bucket of the account may send to the queue."""
    if event.version.bucket not in world.histories.keys() | world.unknown.keys():
        raise not_tracked(event.version.bucket, "source bucket")
    if event.operation is Operation.NOT_TRACKED or world.may_be_forgotten(event):
        return None
    return certain([replicated(event)])


def claims_by_reading(world: "Batch", event: Replicated, now: Instant) -> list[Claim]:
    """S3 stopped counting the replication. That is no outcome, so HEAD is needed at once."""
    event_fact = replicated(event)
    known = {event.destination: State(), **world.ledger.states(event.version)}
    others = possible_destinations(world.history(event.version.bucket), event.version, known, now)
    reader = VersionReader(world.objects, note=world.note)
    try:
        read = reader.read(event.version, known, now, others, sure=event.destination)
    except Denied as denied:
        world.note(denied)
        read = []
    return certain([event_fact, *read])


def replicated(event: Replicated) -> Fact:
    """The event as a fact."""
    return Fact(
        kind=_kind_of(event),
        version=event.version,
        destination=event.destination,
        at=event.at,
        evidence=Evidence.REPLICATION_EVENT,
        id=event.id,
        rule_id=event.rule_id,
        requested_at=event.requested_at,
        size=event.size,
        failure_code=event.failure_code,
        late=True if event.operation is Operation.REPLICATED_AFTER_THRESHOLD else None,
        detail=event.s3_operation,
    )


def _kind_of(event: Replicated) -> Kind:
    # The replication of annotations has events of its own, and does not change a status.
    if "ANNOTATION" in (event.s3_operation or "").upper():
        return Kind.NOTED
    if event.operation is Operation.FAILED and event.failure_code == ALREADY_REPLICATED:
        return Kind.NOTED
    return {
        Operation.FAILED: Kind.FAILED,
        Operation.MISSED_THRESHOLD: Kind.THRESHOLD_MISSED,
        Operation.REPLICATED_AFTER_THRESHOLD: Kind.ARRIVED,
        Operation.NOT_TRACKED: Kind.NOTED,
    }[event.operation]
