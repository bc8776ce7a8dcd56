"""Whose fact is it? Decides what an event means for which version at which destination.

Two questions, asked in this order. `claims` answers from the event and the rules alone, which is
enough for nearly everything. Where it is not, `prove` asks S3 or the ledger.

    new version in a source bucket        due wherever a rule takes it
    new version in a destination bucket   the arrival of the version with this id, if one is known
    ... and none is known                 HEAD decides: a replica, or an object of the bucket's own
    bucket that is both (A <-> B)         an arrival first, then a version of its own
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from replication import attribution
from replication.configuration import History
from replication.eligibility import TagsNeeded, Target, targets
from replication.errors import NotYet, Rejected, Unavailable, Undecided
from replication.events import Changed, Created, Deleted, Event, Operation, Replicated
from replication.examiner import Examiner, possible
from replication.facts import Fact, ObjectVersion
from replication.fold import State
from replication.origin import Origins, is_original
from replication.ports import Claim, Ledger, Objects
from replication.status import REPLICA, Status
from replication.times import Instant


@dataclass(frozen=True, slots=True)
class Attributor:
    """See the module. One serves one batch: `histories` are the rules known when it began and
    `unknown` the buckets whose rules could not be read, with the reason. `tracked` are the
    buckets this deployment was given."""

    histories: Mapping[str, History]
    unknown: Mapping[str, str]
    objects: Objects
    ledger: Ledger
    tracked: frozenset[str]
    record_ineligible: bool

    def claims(self, event: Event) -> list[Claim] | None:
        """What the event says by itself; None: only `prove` can tell. Reads nothing but rules.

        Rejected for a bucket that is not tracked, Unavailable when its rules cannot be read."""
        match event:
            case Created():
                sources = self._sources(event.version)
                if sources:
                    return _if_known(attribution.arrived(event, source) for source in sources)
                history = self.histories.get(event.version.bucket)
                if history is None or not history.settled:
                    return None
                try:
                    return self._due(event, history, None)
                except TagsNeeded:
                    return None
            case Deleted():
                if event.version.bucket in self.histories:
                    return None
                sources = self._sources(event.version)
                return _if_known(attribution.replica_deleted(event, s) for s in sources) or None
            case Replicated():
                self._check(event.version.bucket)
                if event.operation is Operation.NOT_TRACKED:
                    return None
                return _certain([attribution.told(event)])
            case _:
                return None

    def prove(self, event: Event, now: Instant) -> list[Claim]:
        """What the event means after asking; empty: it concerns no tracked replication.

        NotYet when that cannot be told now but may be later."""
        match event:
            case Created():
                return self._prove_created(event)
            case Deleted():
                return self._prove_deleted(event, now)
            case Changed():
                return self._prove_changed(event, now)
            case Replicated():
                return self._prove_untracked(event, now)
            case _:
                return []

    def _check(self, bucket: str) -> None:
        if bucket in self.tracked:
            return
        if any(bucket in history.destinations for history in self.histories.values()):
            return
        raise Rejected(
            "bucket-not-tracked",
            f"{bucket} is no bucket of this tracker; deploy with it in source_buckets or "
            "destination_buckets, or stop sending its events here",
        )

    def _sources(self, version: ObjectVersion) -> tuple[str, ...]:
        """Buckets the version could be a replica of."""
        self._check(version.bucket)
        if self.unknown:
            names = "; ".join(f"{bucket}: {reason}" for bucket, reason in self.unknown.items())
            raise Unavailable(
                "replication configurations could not be read, allow "
                f"s3:GetReplicationConfiguration ({names})"
            )
        return self._origins.sources(version)

    @property
    def _origins(self) -> Origins:
        return Origins(self.histories, self.objects, self.ledger)

    def _due(self, event: Created, history: History, tags: Mapping[str, str] | None) -> list[Claim]:
        """A version of the bucket's own, by the rules of its time."""
        found: tuple[Target, ...] = ()
        # A marker that a lifecycle rule made is never replicated.
        if not event.by_lifecycle:
            found = targets(
                history.at(event.at),
                event.version.key,
                delete_marker=event.delete_marker,
                tags=tags,
            )
        return self._requests(event, found)

    def _requests(self, event: Created, found: Iterable[Target]) -> list[Claim]:
        facts = [attribution.requested(event, target) for target in found]
        if not facts and self.record_ineligible:
            facts = [attribution.ineligible(event)]
        return _certain(facts)

    def _prove_created(self, event: Created) -> list[Claim]:
        history = self.histories.get(event.version.bucket)
        if self._sources(event.version) or history is None:
            origin = self._origin(event)
            if origin is not None:
                return _certain([attribution.arrived(event, origin)])
            if history is None:
                return []
        assert history is not None
        if not history.settled and not event.delete_marker:
            return self._as_s3_says(event, history)
        try:
            return self._due(event, history, None)
        except TagsNeeded:
            tags = self.objects.tags(event.version)
        if tags is None:
            gone = attribution.ineligible(event, "deleted before its tags could be read")
            return _certain([gone])
        return self._due(event, history, tags)

    def _origin(self, event: Created) -> str | None:
        """The source of a new version that is a replica, None when it is its bucket's own."""
        here = self.objects.head(event.version)
        if here is None:
            return self._origins.of_gone(event.version)
        try:
            # Its event knows best when it appeared.
            return self._origins.of(event.version, replace(here, last_modified=event.at))
        except Undecided:
            return None  # nothing was heard of the other one, so this one came first

    def _as_s3_says(self, event: Created, history: History) -> list[Claim]:
        """Shortly after a change of the rules a read of them may be wrong, but the object knows."""
        head = self.objects.head(event.version)
        if head is not None and head.replication_status in (None, REPLICA):
            return self._requests(event, ())
        tags = self.objects.tags(event.version) or {}
        for configuration in (history.at(event.at), history.current):
            found = targets(configuration, event.version.key, delete_marker=False, tags=tags)
            if found or head is None:
                return self._requests(event, found)
        raise NotYet("S3 replicates the object by a rule that cannot be read yet")

    def _prove_deleted(self, event: Deleted, now: Instant) -> list[Claim]:
        version, history = event.version, self.histories.get(event.version.bucket)
        known = self.ledger.states(version)
        if version.bucket in known:  # a replica of unknown source
            return _certain([attribution.replica_deleted(event, version.bucket)])
        if history is not None and known:
            ended = [attribution.deleted(event, name) for name in known]
            return _certain(ended + Examiner(self.objects).outlived(version, known, now))
        for source in self._sources(version):
            original = version.in_bucket(source)
            known_there = version.bucket in self.ledger.states(original)
            there = None if known_there else self.objects.head(original)
            if known_there or (there and is_original(there, history is not None)):
                return _certain([attribution.replica_deleted(event, source)])
        if history is None:
            return []
        # Its creation may still be on its way; the end is kept wherever it could have gone.
        possible = [n for n in history.destinations if history.may_take(version.key, n)]
        if not possible and self.record_ineligible:
            possible = [""]
        return _certain(attribution.deleted(event, name) for name in possible)

    def _prove_changed(self, event: Changed, now: Instant) -> list[Claim]:
        version, history = event.version, self.histories.get(event.version.bucket)
        sources = self._sources(version)
        known = self.ledger.states(version) if history is not None else ()
        if known:
            due = [
                name
                for name, state in known.items()
                if name not in ("", version.bucket) and not state.is_ruled_out
            ]
            return _certain(attribution.changed(event, name) for name in due)
        for source in sources:
            original = version.in_bucket(source)
            known = self.ledger.states(original)
            if version.bucket in known:
                return self._replica_changed(event, original, known, now)
        if history is None:
            return []
        head = self.objects.head(version)
        if head is None or head.replication_status in (None, REPLICA):
            return []
        found = targets(
            history.at(event.at),
            version.key,
            delete_marker=head.delete_marker,
            tags=self.objects.tags(version) or {},
        )
        return _certain(attribution.changed(event, target.destination) for target in found)

    def _prove_untracked(self, event: Replicated, now: Instant) -> list[Claim]:
        """S3 stopped counting the replication, which says nothing of its outcome: look at once."""
        told = attribution.told(event)
        known = {event.destination: State(), **self.ledger.states(event.version)}
        others = possible(self.histories.get(event.version.bucket), event.version, known, now)
        seen = Examiner(self.objects).examine(
            event.version, known, now, others, sure=event.destination
        )
        return _certain([told, *seen])

    def _replica_changed(
        self, event: Changed, original: ObjectVersion, known: Iterable[str], now: Instant
    ) -> list[Claim]:
        """A replica's tags or ACL changed: by replication or by hand, only the source knows."""
        head = self.objects.head(original)
        if head is None or head.replication_status != Status.COMPLETED:
            return []
        return _certain(
            attribution.observed(original, name, Status.COMPLETED, now, event.id)
            for name in known
            if name
        )


def _if_known(facts: Iterable[Fact]) -> list[Claim]:
    return [Claim(fact, must_exist=True) for fact in facts]


def _certain(facts: Iterable[Fact]) -> list[Claim]:
    return [Claim(fact) for fact in facts]
