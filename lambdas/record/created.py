"""A new version or delete marker.

in a source bucket        due at every destination that a rule names for it
in a destination bucket   the arrival of the source version with this id, if one is known
... and none is known     HEAD decides: a replica, or an object of the bucket's own
in a bucket that is both  an arrival if possible, otherwise a version of its own
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from record.claims import TRIES, certain, end_of, fact_of, fact_of_replica, if_known
from replication.errors import Denied, Undecided, Unplaced, Unsourced
from replication.head.port import Head
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim
from replication.s3.destinations import Due, due
from replication.s3.events import Created
from replication.s3.evidence import Evidence
from replication.s3.rule_history import RuleHistory
from replication.s3.rules import Tags, TagsNeeded
from replication.times import end_of_second

if TYPE_CHECKING:
    from record.batch import Batch

RULES_NOT_READ = "the rules could not be read after it was written"


def claims(world: "Batch", event: Created) -> list[Claim] | None:
    """The claims that the event and the rules make; None when more has to be read."""
    sources = world.sources(event.version, marker=event.delete_marker)
    if sources and not event.by_lifecycle:
        return if_known(arrived(event, source) for source in sources)
    history = world.history(event.version.bucket)
    if history is None:
        return [] if event.by_lifecycle else None
    if world.may_be_forgotten(event):
        return None
    try:
        return of_its_own(world, event, history, None)
    except TagsNeeded:
        return None


def claims_by_reading(world: "Batch", event: Created, receives: int) -> list[Claim]:
    history = world.history(event.version.bucket)
    if world.sources(event.version, marker=event.delete_marker) or history is None:
        origin = _origin(world, event, receives, only_destination=history is None)
        if origin is not None:
            return certain([arrived(event, origin)])
        if history is None:
            return []
    assert history is not None
    try:
        return of_its_own(world, event, history, None)
    except TagsNeeded:
        try:
            tags = world.objects.tags(event.version)
        except Denied as denied:
            world.note(denied)
            tags = None
    history = world.history(history.bucket) or history
    return of_its_own(world, event, history, tags, tags_denied=tags is None)


def claims_when_denied(world: "Batch", event: Created) -> list[Claim]:
    """The claims when S3 denies the reads: none for a mere destination, and in a source bucket the
    version may be the bucket's own."""
    history = world.history(event.version.bucket)
    if history is None:
        return []
    own = of_its_own(world, event, history, None, tags_denied=True)
    return certain(
        one.fact if one.fact.kind is Kind.INELIGIBLE else replace(one.fact, in_doubt=True)
        for one in own
    )


def of_its_own(
    world: "Batch",
    event: Created,
    history: RuleHistory,
    tags: Tags | None,
    *,
    tags_denied: bool = False,
) -> list[Claim]:
    """A version of the bucket's own, by the rules of its time."""
    if event.by_lifecycle:  # S3 never replicates such a marker
        return _ineligible(world, event)
    last = end_of(event)
    found = due(
        history,
        event.version.key,
        event.at,
        last,
        delete_marker=event.delete_marker,
        tags=tags,
        tags_denied=tags_denied,
    )
    if found:
        return certain(requested(event, one) for one in found)
    bucket = event.version.bucket
    # The version was written before the rules were read again, wherever in its second.
    written_at = event.at if world.was_reread(bucket) else last
    if history.is_read(written_at) and not history.is_changing(last):
        return _ineligible(world, event)
    if not world.was_reread(bucket):
        # A rule that was not read yet may take it: the rules are read again, once a batch.
        return of_its_own(world, event, world.read_again(history), tags, tags_denied=tags_denied)
    return certain([maybe(event, RULES_NOT_READ)])


def _ineligible(world: "Batch", event: Created, detail: str | None = None) -> list[Claim]:
    return certain([ineligible(event, detail)] if world.record_ineligible else [])


def _origin(world: "Batch", event: Created, receives: int, *, only_destination: bool) -> str | None:
    """The source of a new version that is a replica; None when it is its bucket's own."""
    version = event.version
    if only_destination and world.takes_own(version.bucket):
        if receives > 1:
            return None
        raise Unplaced(f"{version.bucket} takes many objects of its own; S3 is not asked")
    # For a marker HEAD would say no more than the event.
    here = Head(None, True, None) if event.delete_marker else world.objects.head(version)
    if here is None:
        return world.origins().of_gone(version)
    try:
        origin = world.origins().of(version, here)
    except Undecided as undecided:
        return undecided.other if _is_later(world, event) else None
    except Unsourced:
        world.note_replicas(version)
        raise
    if origin is None and only_destination:
        if event.delete_marker and receives < TRIES:
            raise Unplaced("a delete marker that no tracked source is known to have yet")
        world.note_own(version.bucket)
    return origin


def _is_later(world: "Batch", event: Created) -> bool:
    """Whether a marker appeared here after it was made, as a replica. S3 copies LastModified to
    replicas, so the original's event has the same second."""
    here = world.objects.head(event.version) if event.delete_marker else None
    made_at = here.last_modified if here else None
    return made_at is not None and event.at > end_of_second(made_at)


def requested(event: Created, due: Due) -> Fact:
    """The version was written, and a rule takes it to a destination or may take it there."""
    kind = Kind.REQUESTED if due.taken else Kind.POSSIBLE
    return _of_creation(event, kind, due.destination, due.rule_id, in_doubt=due.in_doubt)


def maybe(event: Created, detail: str) -> Fact:
    """The version was written, and only a rule that is not known may take it."""
    return _of_creation(event, Kind.POSSIBLE, "", None, detail, in_doubt=True)


def ineligible(event: Created, detail: str | None = None) -> Fact:
    """The version was written and no rule takes it."""
    return _of_creation(event, Kind.INELIGIBLE, "", None, detail)


def _of_creation(
    event: Created,
    kind: Kind,
    destination: str,
    rule_id: str | None,
    detail: str | None = None,
    in_doubt: bool = False,
) -> Fact:
    return fact_of(
        event,
        kind,
        destination,
        Evidence.OBJECT_CREATED,
        rule_id=rule_id,
        size=event.size,
        etag=event.etag,
        sequencer=event.sequencer,
        delete_marker=event.delete_marker or None,
        detail=detail or event.detail,
        in_doubt=in_doubt or None,
    )


def arrived(event: Created, source: str) -> Fact:
    """The version is a replica of the same version in the bucket `source`."""
    return fact_of_replica(event, Kind.ARRIVED, source, Evidence.REPLICA_CREATED)
