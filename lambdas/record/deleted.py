"""A version or delete marker was deleted for good, in a source bucket or at a destination."""

from typing import TYPE_CHECKING

from record.claims import certain, end_of, fact_of, fact_of_replica, if_known
from replication.errors import Unplaced
from replication.head.reader import VersionReader
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim
from replication.ledger.state import NULL_VERSION
from replication.s3.events import Deleted
from replication.s3.evidence import Evidence
from replication.times import Instant

if TYPE_CHECKING:
    from record.batch import Batch


def claims(world: "Batch", event: Deleted) -> list[Claim] | None:
    """The claims that the event and the rules make; None when more has to be read."""
    if event.version.bucket in world.histories:
        return None
    sources = world.sources(event.version)
    return if_known(replica_deleted(event, source) for source in sources) or None


def claims_by_reading(world: "Batch", event: Deleted, now: Instant) -> list[Claim]:
    version, history = event.version, world.history(event.version.bucket)
    known = world.ledger.states(version)
    if version.bucket in known:  # a replica of unknown source
        return certain([replica_deleted(event, version.bucket)])
    if history is not None and known:
        ended = [deleted(event, name) for name in known]
        return certain(ended + VersionReader(world.objects).replicas_left(version, known, now))
    sources = world.sources(version)
    ask = history is not None or not world.takes_own(version.bucket)
    source = world.origins().of_deleted(version, ask=ask)
    if source is not None:
        return certain([replica_deleted(event, source)])
    if history is None:
        if not sources:
            return []
        raise Unplaced("nothing is known of the version that was deleted")
    # Its creation may still be on its way: the end is recorded for every possible destination.
    possible = tuple(history.candidates(version.key))
    if not possible and world.record_ineligible:
        possible = ("",)
    return certain(deleted(event, name) for name in possible)


def replica_deleted(event: Deleted, source: str) -> Fact:
    """The version that was deleted for good is a replica of `source`'s."""
    return fact_of_replica(event, Kind.REPLICA_DELETED, source, Evidence.OBJECT_DELETED)


def deleted(event: Deleted, destination: str) -> Fact:
    """The source version was deleted for good."""
    # A `null` version can be written again, and only sequencers order it within a second.
    sequencer = event.sequencer if event.version.version_id == NULL_VERSION else None
    return fact_of(
        event,
        Kind.DELETED,
        destination,
        Evidence.OBJECT_DELETED,
        at=end_of(event),
        sequencer=sequencer,
    )
