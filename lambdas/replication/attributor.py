"""Whose fact is it? Decides what an event means for which version at which destination.

Two questions, asked in this order. `claims` answers from the event and the rules alone, which is
enough for nearly everything. Where it is not, `prove` asks the ledger, and S3 after it.

    new version in a source bucket        due wherever a rule takes it
    new version in a destination bucket   the arrival of the version with this id, if one is known
    ... and none is known                 HEAD decides: a replica, or an object of the bucket's own
    bucket that is both (A <-> B)         an arrival first, then a version of its own
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace

from replication import attribution
from replication.changes import Changes
from replication.configuration import History
from replication.due import due
from replication.eligibility import Tags, TagsNeeded
from replication.errors import Denied, Rejected, Unavailable, Undecided, Unplaced, Unsourced
from replication.events import Changed, Created, Deleted, Event, Operation, Replicated
from replication.examiner import Examiner, possible
from replication.facts import Fact, Kind, ObjectVersion
from replication.fold import State
from replication.origin import Origins
from replication.ports import Claim, Head, Ledger, Objects
from replication.times import Instant, end_of_second

TRIES = 3
"""How often a message is received whose version cannot be placed, before it is of no concern."""
RULES_NOT_READ = "the rules could not be read after it was written"


@dataclass(frozen=True, slots=True)
class Attributor:
    """See the module. One serves one batch: `histories` are the rules known when it began and
    `unknown` the buckets of which none are, with the reason. `tracked` are the buckets this
    deployment was given, `destination_buckets` those that replicas may come to (None: those that
    are no source). `reread` reads the rules of a bucket once more, `note` keeps a refusal for the
    operator, `note_replicas` that replicas come to a bucket from an untracked one; `takes_own`
    says that a destination takes many objects of its own."""

    histories: Mapping[str, History]
    unknown: Mapping[str, str]
    objects: Objects
    ledger: Ledger
    tracked: frozenset[str]
    record_ineligible: bool
    destination_buckets: frozenset[str] | None = None
    reread: Callable[[str], History | None] = lambda _: None
    note: Callable[[Denied], None] = lambda _: None
    note_replicas: Callable[[ObjectVersion], None] = lambda _: None
    note_own: Callable[[str], None] = lambda _: None
    takes_own: Callable[[str], bool] = lambda _: False
    _reread: dict[str, History] = field(default_factory=dict)

    def claims(self, event: Event) -> list[Claim] | None:
        """What the event says by itself; None: only `prove` can tell. Reads nothing but rules.

        Rejected for a bucket that is not tracked, Unavailable when its rules cannot be read."""
        match event:
            case Created():
                sources = self._sources(event.version, marker=event.delete_marker)
                if sources and not event.by_lifecycle:
                    return _if_known(attribution.arrived(event, source) for source in sources)
                history = self._history(event.version.bucket)
                if history is None:
                    return [] if event.by_lifecycle else None
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

    def prove(self, event: Event, now: Instant, *, receives: int = 1) -> list[Claim]:
        """What the event means after asking; empty: it concerns no tracked replication. `receives`
        is how often its message was received.

        NotYet when that cannot be told now but may be later; Unplaced a few times at most."""
        last_try = receives >= TRIES
        try:
            match event:
                case Created():
                    return self._prove_created(event, receives)
                case Deleted():
                    return self._prove_deleted(event, now)
                case Changed():
                    self._sources(event.version)
                    return _certain(Changes(self, now).of(event))
                case Replicated():
                    return self._prove_untracked(event, now)
                case _:
                    return []
        except Unsourced:
            if last_try and isinstance(event, Created):
                # It is a replica, whatever of: known as such, of no known source.
                return _certain([attribution.arrived(event, event.version.bucket)])
            raise
        except Unplaced:
            if last_try:
                return []
            raise
        except Denied as denied:
            self.note(denied)
            if not last_try:
                raise Unplaced(str(denied)) from denied
            return self._unasked(event)

    def _unasked(self, event: Event) -> list[Claim]:
        """What is left to say of an event when S3 may not be asked: of a mere destination nothing,
        and a version of a source bucket may be its own."""
        history = self._history(event.version.bucket) if isinstance(event, Created) else None
        if history is None or not isinstance(event, Created):
            return []
        own = self._due(event, history, None, tags_denied=True)
        return _certain(
            one.fact if one.fact.kind is Kind.INELIGIBLE else replace(one.fact, in_doubt=True)
            for one in own
        )

    def origins(self) -> Origins:
        return Origins(self.histories, self.objects, self.ledger)

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

    def _sources(self, version: ObjectVersion, *, marker: bool = False) -> tuple[str, ...]:
        """Buckets the version could be a replica of. Unavailable when it could be one of a bucket
        whose rules nobody has ever read, or is of such a bucket."""
        self._check(version.bucket)
        if version.bucket in self.unknown or (self.unknown and self._is_destination(version)):
            names = "; ".join(f"{bucket}: {reason}" for bucket, reason in self.unknown.items())
            raise Unavailable(
                "replication configurations could not be read, allow "
                f"s3:GetReplicationConfiguration ({names})"
            )
        return self.origins().sources(version, marker=marker)

    def _is_destination(self, version: ObjectVersion) -> bool:
        known: Set[str] = self.destination_buckets or frozenset()
        if self.destination_buckets is None:
            known = self.tracked - self.histories.keys() - self.unknown.keys()
        return version.bucket in known or bool(self.origins().sources(version))

    def _history(self, bucket: str) -> History | None:
        return self._reread.get(bucket) or self.histories.get(bucket)

    def _due(
        self,
        event: Created,
        history: History,
        tags: Tags | None,
        *,
        tags_denied: bool = False,
    ) -> list[Claim]:
        """A version of the bucket's own, by the rules of its time."""
        if event.by_lifecycle:  # such a marker is never replicated
            return self._ineligible(event)
        last = end_of_second(event.at) if event.whole_second else event.at
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
            return _certain(attribution.created(event, one) for one in found)
        bucket = event.version.bucket
        # What S3 sent was written before it was read here, whatever part of its second is told.
        written_at = event.at if bucket in self._reread else last
        if history.is_read(written_at) and not history.is_changing(last):
            return self._ineligible(event)
        if bucket not in self._reread:
            # A rule that nobody has read may take it: they are read once more, once a batch.
            self._reread[bucket] = self.reread(bucket) or history
            return self._due(event, self._reread[bucket], tags, tags_denied=tags_denied)
        return _certain([attribution.possible(event, RULES_NOT_READ)])

    def _ineligible(self, event: Created, detail: str | None = None) -> list[Claim]:
        return _certain([attribution.ineligible(event, detail)] if self.record_ineligible else [])

    def _prove_created(self, event: Created, receives: int) -> list[Claim]:
        history = self._history(event.version.bucket)
        if self._sources(event.version, marker=event.delete_marker) or history is None:
            origin = self._origin(event, receives, only_destination=history is None)
            if origin is not None:
                return _certain([attribution.arrived(event, origin)])
            if history is None:
                return []
        assert history is not None
        try:
            return self._due(event, history, None)
        except TagsNeeded:
            try:
                tags = self.objects.tags(event.version)
            except Denied as denied:
                self.note(denied)
                tags = None
        history = self._history(history.bucket) or history
        return self._due(event, history, tags, tags_denied=tags is None)

    def _origin(self, event: Created, receives: int, *, only_destination: bool) -> str | None:
        """The source of a new version that is a replica, None when it is its bucket's own."""
        version = event.version
        if only_destination and self.takes_own(version.bucket):
            if receives > 1:
                return None
            raise Unplaced(f"{version.bucket} takes many objects of its own; S3 is not asked")
        # A marker's event says all that HEAD would: that it is one, and there.
        here = Head(None, True, None) if event.delete_marker else self.objects.head(version)
        if here is None:
            return self.origins().of_gone(version)
        try:
            origin = self.origins().of(version, here)
        except Undecided as undecided:
            return undecided.other if self._is_later(event) else None
        except Unsourced:
            self.note_replicas(version)
            raise
        if origin is None and only_destination:
            if event.delete_marker and receives < TRIES:
                raise Unplaced("a delete marker that no tracked source is known to have yet")
            self.note_own(version.bucket)
        return origin

    def _is_later(self, event: Created) -> bool:
        """Whether a marker appeared here after it was made. S3 copies LastModified along with a
        replica, so only the event of the marker itself is of that second."""
        here = self.objects.head(event.version) if event.delete_marker else None
        made_at = here.last_modified if here else None
        return made_at is not None and event.at > end_of_second(made_at)

    def _prove_deleted(self, event: Deleted, now: Instant) -> list[Claim]:
        version, history = event.version, self._history(event.version.bucket)
        known = self.ledger.states(version)
        if version.bucket in known:  # a replica of unknown source
            return _certain([attribution.replica_deleted(event, version.bucket)])
        if history is not None and known:
            ended = [attribution.deleted(event, name) for name in known]
            return _certain(ended + Examiner(self.objects).outlived(version, known, now))
        sources = self._sources(version)
        ask = history is not None or not self.takes_own(version.bucket)
        source = self.origins().of_deleted(version, ask=ask)
        if source is not None:
            return _certain([attribution.replica_deleted(event, source)])
        if history is None:
            if not sources:
                return []
            raise Unplaced("nothing is known of the version that was deleted")
        # Its creation may still be on its way; the end is kept wherever it could have gone.
        possible = history.possible(version.key)
        if not possible and self.record_ineligible:
            possible = ("",)
        return _certain(attribution.deleted(event, name) for name in possible)

    def _prove_untracked(self, event: Replicated, now: Instant) -> list[Claim]:
        """S3 stopped counting the replication, which says nothing of its outcome: look at once."""
        told = attribution.told(event)
        known = {event.destination: State(), **self.ledger.states(event.version)}
        others = possible(self._history(event.version.bucket), event.version, known, now)
        examiner = Examiner(self.objects, note=self.note)
        try:
            seen = examiner.examine(event.version, known, now, others, sure=event.destination)
        except Denied as denied:
            self.note(denied)
            seen = []
        return _certain([told, *seen])


def _if_known(facts: Iterable[Fact]) -> list[Claim]:
    return [Claim(fact, must_exist=True) for fact in facts]


def _certain(facts: Iterable[Fact]) -> list[Claim]:
    return [Claim(fact) for fact in facts]
