"""An event as claims about versions at destinations.

`claims` needs the event and the rules alone, which is enough for nearly every event. Where it is
not, `claims_by_reading` reads the ledger and then S3. Each event of S3 has a module of its own:
`created`, `deleted`, `changed`, `replicated`.
"""

from record import created, deleted, forgotten, replicated
from record.batch import Batch
from record.changed import Changes
from record.claims import TRIES, certain
from replication.errors import Denied, Unplaced, Unsourced
from replication.ledger.port import Claim
from replication.s3.events import Changed, Created, Deleted, Event, Replicated
from replication.times import Instant


class EventClaims(Batch):
    """The claims of the events of one batch."""

    __slots__ = ()

    def claims(self, event: Event) -> list[Claim] | None:
        """The claims that the event and the rules make; None when more has to be read. Rejected for
        a bucket that is not tracked, Unavailable when its rules cannot be read."""
        match event:
            case Created():
                return created.claims(self, event)
            case Deleted():
                return deleted.claims(self, event)
            case Replicated():
                return replicated.claims(self, event)
            case _:
                return None

    def claims_by_reading(self, event: Event, now: Instant, *, receives: int = 1) -> list[Claim]:
        """The claims of an event after reads of the ledger and S3; none when it concerns no tracked
        replication. `receives` is how often its message was received. NotYet when a later try may
        succeed; Unplaced a few times at most."""
        last_try = receives >= TRIES
        try:
            match event:
                case Created():
                    found = created.claims_by_reading(self, event, receives)
                    return forgotten.without(self, event, found, now)
                case Deleted():
                    return deleted.claims_by_reading(self, event, now)
                case Changed():
                    self.sources(event.version)
                    return certain(Changes(self, now).of(event))
                case Replicated():
                    found = replicated.claims_by_reading(self, event, now)
                    return forgotten.without(self, event, found, now)
                case _:
                    return []
        except Unsourced:
            if last_try and isinstance(event, Created):
                # It is a replica, and its source is not known.
                return certain([created.arrived(event, event.version.bucket)])
            raise
        except Unplaced:
            if last_try:
                return []
            raise
        except Denied as denied:
            self.note(denied)
            # A source's own version is due, and must be in a list before the frontier passes it.
            own = isinstance(event, Created) and self.history(event.version.bucket) is not None
            if not (last_try or own):
                raise Unplaced(str(denied)) from denied
            return created.claims_when_denied(self, event) if isinstance(event, Created) else []
