"""Events so late that the ledger may have forgotten their version.

With `forget_completed_days` an item of a COMPLETED version expires. A creation or a replication
event that comes after that (a saved message that somebody sends again) would make a new item that
says PENDING, with a time long past. So HEAD decides: what is COMPLETED stays forgotten, and only
what is not becomes a fact. A change of tags and a deletion need no such care: of a version that the
ledger does not have, the first is decided by HEAD anyway, and the second is an end.
"""

from typing import TYPE_CHECKING

from record.claims import certain
from replication.head.reader import VersionReader
from replication.ledger.state import State
from replication.s3.status import Status

if TYPE_CHECKING:
    from record.batch import Batch
    from replication.ledger.port import Claim
    from replication.s3.events import Created, Replicated
    from replication.times import Instant


def without(
    world: "Batch", event: "Created | Replicated", found: "list[Claim]", now: "Instant"
) -> "list[Claim]":
    """The claims `found`, but of a late event only those on items that exist; for other
    destinations of its version, what HEAD says and is not COMPLETED. Denied when HEAD is."""
    if not world.may_be_forgotten(event):
        return found
    version = event.version
    if any(claim.fact.version != version for claim in found):
        return found  # of a replica: HEAD of it has decided already
    known = world.ledger.states(version)
    kept = [claim for claim in found if claim.fact.destination in known]
    unknown = {claim.fact.destination for claim in found} - set(known)
    if not unknown:
        return found
    reader = VersionReader(world.objects, note=world.note)
    read = reader.read(version, dict.fromkeys(unknown, State()) | dict(known), now)
    return kept + certain(
        fact for fact in read if fact.destination in unknown and fact.status is not Status.COMPLETED
    )
