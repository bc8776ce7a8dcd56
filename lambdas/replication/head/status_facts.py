"""Facts about each destination, from HEAD of the source and of the destinations.

The status of the source covers all destinations: COMPLETED means every one that S3 sends the
version to, PENDING and FAILED at least one. A destination in doubt counts as COMPLETED only when
HEAD shows that it has the version.
"""

from replication.head.reading import Heads, Reading
from replication.ledger.fact import Fact, Kind
from replication.s3.evidence import Evidence
from replication.s3.status import Status

SEVERAL_MAY_HAVE_FAILED = "S3 says that at least one destination failed, and not which"
WITHOUT_ITS_TAGS = "the replica is there, but S3 reports FAILED: its tags or metadata are missing"
NO_RULE = "S3 shows no replication status: no rule replicates the version"
NO_RULE_SEEN = "S3 reports COMPLETED, and no destination that is known has it"
NOT_SENT = "S3 reports COMPLETED, and the destination does not have it, nor is known to have had it"
IS_REPLICA = "the version is a replica itself, which no live rule replicates"
PLACED = "where it goes, or may go, is known of its destinations"


def of_marker(reading: Reading, heads: Heads) -> list[Fact]:
    """A delete marker: COMPLETED where HEAD answers 405, PENDING elsewhere. A failure that an event
    reported stays, and a marker that had arrived and is not there was deleted."""
    facts = []
    for name, there in heads.items():
        state = reading.state(name)
        if there:
            facts.append(reading.from_destination(name, Status.COMPLETED, there=there))
        elif state.arrived_at:
            facts.append(reading.fact(Kind.REPLICA_DELETED, name, Evidence.HEAD_DESTINATION))
        elif name not in reading.known or state.lost_at or state.status is Status.FAILED:
            continue
        elif not reading.is_doubtful(name):
            facts.append(reading.from_destination(name, Status.PENDING))
        else:
            facts += reading.end_doubt(name)
    return facts


def of_unreadable(reading: Reading, heads: Heads) -> list[Fact]:
    """An SSE-C object, whose status at the source HEAD does not show. It is COMPLETED where the
    destination has it. The status of later changes, and where it goes while the rules are in
    doubt, stay unknown."""
    facts = []
    for name, there in heads.items():
        state = reading.state(name)
        if there and not state.arrived_at and state.status is not Status.COMPLETED:
            facts.append(reading.from_destination(name, Status.COMPLETED, there=there))
        elif there is None and reading.all_in_doubt and not reading.is_destination(name):
            facts += reading.put_in_doubt(name)
    return facts


def of_completed(reading: Reading, heads: Heads) -> list[Fact]:
    """COMPLETED at the source: every certain destination has it, or had it. `heads` are those of
    destinations in doubt."""
    facts = []
    for name in dict.fromkeys([*reading.known, *heads]):
        if not reading.is_doubtful(name):
            facts.append(reading.from_source(name, Status.COMPLETED, there=heads.get(name)))
        elif name in heads and (there := heads[name]):
            facts.append(reading.from_source(name, Status.COMPLETED, there=there))
        elif name in heads and name in reading.known:
            facts.append(reading.from_destination(name, None, NOT_SENT))
    asked = all(name in heads for name in reading.known if reading.is_doubtful(name))
    if asked and not any(fact.status for fact in facts):
        # It went to a destination that the tracker does not know.
        facts.append(reading.from_source("", Status.COMPLETED, NO_RULE_SEEN))
    return facts


def of_pending(reading: Reading, heads: Heads) -> list[Fact]:
    """PENDING at the source: which destinations are. S3 may show PENDING while another destination
    has failed, so a failure from an event stays if another destination is surely PENDING. One that
    was put down to a destination in doubt, because the source showed FAILED, does not."""
    behind = reading.behind(heads)
    waiting = [name for name in behind if name in reading.known]
    if sure := [name for name in waiting if not reading.is_doubtful(name)]:
        waiting = sure
    failed = [name for name in waiting if reading.state(name).status is Status.FAILED]
    if len(failed) < len(waiting) and not reading.all_in_doubt:
        waiting = [name for name in waiting if name not in failed]
    else:
        failed = []
    # All known ones have it: a possible one is PENDING, or a change is on its way.
    waiting = waiting or behind or reading.denied(heads) or reading.with_status(Status.PENDING)
    waiting = waiting or list(reading.known) or list(heads)
    facts = []
    for name, there in heads.items():
        if name in waiting:
            # Which of several is PENDING is unknown, and so is one in doubt.
            alone = reading.is_alone(name)
            doubtful = there is None and reading.is_doubtful(name) and not alone
            facts.append(reading.from_source(name, Status.PENDING, there=there, in_doubt=doubtful))
        elif name not in behind and name not in failed:
            facts.append(reading.from_destination(name, Status.COMPLETED, there=there))
        elif there is None and name not in reading.known:
            facts += reading.put_in_doubt(name)
    decided = {fact.destination for fact in facts}
    facts += [
        reading.from_source(name, Status.PENDING, in_doubt=True)
        for name in reading.guessed_failures()
        if name not in decided
    ]
    return facts + reading.deleted_replicas(heads)


def of_failed(reading: Reading, heads: Heads) -> list[Fact]:
    """FAILED at the source: which destinations are."""
    behind = reading.behind(heads)
    missing = [name for name in behind if heads[name] is None and name in reading.known]
    failed = [name for name in reading.with_status(Status.FAILED) if name in behind]
    unknown = [name for name in behind if name not in reading.known]
    there = [name for name in behind if heads[name]]
    # A destination in doubt counts as FAILED only if no certain one can be.
    sure = [name for name in missing if not reading.is_doubtful(name)]
    culprits = (
        (failed and [*failed, *there])
        or sure
        or there
        # It stays although another destination, in doubt, may be the one.
        or reading.failed_by_event()
        or missing
        or unknown
        or reading.with_status(Status.FAILED)
        or reading.denied(heads)
        or reading.with_status(Status.PENDING)
        or list(reading.known)
        or list(heads)
    )
    facts = []
    # `culprits` has denied destinations, too, when all others are well.
    for name in dict.fromkeys([*heads, *culprits]):
        here = heads.get(name)
        if name in culprits:
            reason = WITHOUT_ITS_TAGS if here and (name in behind or len(heads) == 1) else None
            if not reason and not failed and len(culprits) > 1:
                reason = SEVERAL_MAY_HAVE_FAILED
            alone = reading.is_alone(name)
            doubtful = here is None and reading.is_doubtful(name) and not alone
            facts.append(
                reading.from_source(name, Status.FAILED, reason, there=here, in_doubt=doubtful)
            )
        elif name not in behind:
            facts.append(reading.from_destination(name, Status.COMPLETED, there=here))
        elif name in reading.known and not reading.is_doubtful(name):
            facts.append(reading.from_destination(name, Status.PENDING, there=here))
        elif name in reading.known:
            facts += reading.end_doubt(name)
        elif here is None:
            facts += reading.put_in_doubt(name)
    return facts + reading.deleted_replicas(heads)
