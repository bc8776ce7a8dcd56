"""What must hold after every step, whatever went wrong: nothing that is said is untrue.

The model knows how everything really was, and when. Each law reads what the ledger says and asks
the model for the reason. What no tracker can know is left out by name: events that were lost
before they came to the queue, and rules that nobody read while they held.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from replication.errors import Rejected
from replication.ledger.item import LedgerItem
from replication.ledger.state import State
from replication.ledger.watermark import watermark
from replication.message import Message
from replication.s3.events import Created, Replicated
from replication.s3.evidence import Evidence
from replication.s3.rule_history import RuleHistory
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, seconds_between
from tests.laws.s3_model import SOURCE, S3Model
from tests.laws.tracker import Tracker

READ = frozenset({Evidence.HEAD_SOURCE, Evidence.HEAD_DESTINATION, Evidence.INVENTORY})
"""Evidence of somebody who looked, and of S3's aggregate with it."""


A_DAY = 86_400.0


@dataclass
class Laws:
    """`lost` are creations whose events never came to the queue."""

    s3: S3Model
    tracker: Tracker
    lost: set[ObjectVersion] = field(default_factory=set)
    checked: int = 0
    read: int = -1
    known: dict[ObjectVersion, dict[str, LedgerItem]] = field(default_factory=dict)
    rows: dict[tuple[str, str], list[LedgerItem]] = field(default_factory=dict)

    def check(self) -> None:
        known = self._read()
        done = list(self.tracker.done.values())
        for message in done[self.checked :]:
            self._kept(message)
        self.checked = len(done)
        for version, items in known.items():
            for name, stored in items.items():
                self._state(version, name, stored.record.state, len(items))
        for bucket in self.tracker.sources:
            history = self.tracker.history(bucket)
            if history is not None:
                self._lists(bucket, history, known)
                for name in history.destinations:
                    self._watermark(bucket, name, history)

    def _read(self) -> dict[ObjectVersion, dict[str, LedgerItem]]:
        """The ledger, read anew when something was written."""
        if self.read != len(self.tracker.written.stream):
            self.read = len(self.tracker.written.stream)
            self.known, self.rows = {}, {}
            for stored in self.tracker.stored():
                self.known.setdefault(stored.version, {})[stored.destination] = stored
        return self.known

    def _listed(self, bucket: str, name: str) -> list[LedgerItem]:
        if (bucket, name) not in self.rows:
            self.rows[bucket, name] = list(self.tracker.listed(bucket, name))
        return self.rows[bucket, name]

    # A message.

    def _kept(self, message: Message) -> None:
        """Whether every event of a message that is done with is in the ledger, or concerns no
        tracked version; what nobody understands is among the dead letters, once."""
        letters = [one.id for one, _ in self.tracker.letters.letters]
        for event in self.tracker.events(message):
            if isinstance(event, Rejected):
                # A queue may deliver a message again that is done with.
                most = self.tracker.finished[message.id] + self.tracker.killed
                found = letters.count(message.id)
                assert 1 <= found <= most, f"{message} is a dead letter {found} times"
            elif isinstance(event, Created | Replicated):
                kept = event.id in self._ids(event.version)
                assert kept or not self._must_be(event, message), f"{event} is nowhere"

    def _ids(self, version: ObjectVersion) -> set[str]:
        """The events that the ledger has of a version, in whichever bucket it is."""
        return {
            fact.id
            for bucket in {*self.tracker.sources, *self.tracker.destinations}
            for stored in self.known.get(version.in_bucket(bucket), {}).values()
            for fact in stored.record.facts
        }

    def _must_be(self, event: Created | Replicated, message: Message) -> bool:
        if isinstance(event, Replicated) or event.version.bucket in self.tracker.sources:
            return True
        originals = {event.version.in_bucket(bucket) for bucket in self.tracker.sources}
        # Of a copy that shows nothing, nobody can tell who has not heard of its source.
        copied = originals.intersection(self.s3.written) - self.lost
        hidden = any(self.s3.written[one].hidden for one in copied)
        # What cannot be placed is let go after some tries.
        return bool(copied) and not hidden and message.receives == 1

    # One version at one destination.

    def _state(self, version: ObjectVersion, name: str, state: State, items: int) -> None:
        where = f"{version.key} {version.version_id} of {version.bucket} at {name or 'no place'}"
        if state.deleted_at:
            gone = self.s3.gone.get(version)
            # A copy that was deleted can be made again under its name.
            lives = version in self.s3.held and not self.s3.held[version].replica
            assert not lives, f"{where} is called DELETED and is there"
            assert gone, f"{where} is called DELETED and never was"
            assert gone <= state.deleted_at, f"{where} was not deleted by then"
        if state.status is None:
            return
        assert state.since is not None, f"{where} is {state.status} since never"
        assert state.evidence is not None, f"{where} is {state.status} for no reason"
        if state.status is Status.COMPLETED or state.arrived_at:
            self._completed(version, name, state, where)
        if state.status is Status.FAILED:
            self._failed(version, name, state, where, alone=items == 1)
        if name and state.lost_at and (version not in self.s3.written or self._was_read(version)):
            there = self.s3.held_since.get(version.in_bucket(name))
            assert there, f"{where} is called lost, and never was there"

    def _completed(self, version: ObjectVersion, name: str, state: State, where: str) -> None:
        origin = self.s3.written.get(version)
        if origin and not self._was_read(version):
            return  # rules that came and went while nobody read them
        # Without a destination it is the status of the version, wherever it was sent.
        places = [name] if name else [*self.tracker.destinations]
        since = [self.s3.held_since.get(version.in_bucket(place)) for place in places]
        first = min(filter(None, since), default=None)
        assert first is not None, f"{where} is COMPLETED, and it never was there"
        # A copy whose source is unknown is kept at its own bucket, also where rules send it on.
        its_own = origin is not None and origin.replica and name == version.bucket
        sent = not name or origin is None or name in origin.places or its_own
        assert sent, f"{where} is COMPLETED, and that copy is another bucket's"
        times = (state.observed_at, state.arrived_at, state.since if state.status else None)
        claimed = min(filter(None, times))
        if state.status is not Status.COMPLETED:
            claimed = min(filter(None, (state.observed_at, state.arrived_at)))
        assert first <= claimed, f"{where} is COMPLETED as of {claimed}, and came at {first}"

    def _failed(
        self, version: ObjectVersion, name: str, state: State, where: str, *, alone: bool
    ) -> None:
        assert state.since is not None
        moments = list(self.s3.at(version, state.since))
        if any(one.places.get(name) == "FAILED" for one in moments):
            return
        # The header of several destinations does not say which of them failed.
        origin = self.s3.written.get(version)
        several = origin is not None and len(origin.places) > 1
        unsure = not name or not alone or several or bool(state.in_doubt)
        aggregate = state.evidence in READ and unsure
        shown = any(one.header == "FAILED" for one in moments)
        failed = aggregate and shown
        assert failed, f"{where} is FAILED since {state.since}, and was not then"

    # A bucket.

    def _watermark(self, bucket: str, name: str, history: RuleHistory) -> None:
        now, heard = self.s3.now(), self.tracker.frontier()
        rows = [*self._listed(bucket, name), *self._listed(bucket, "")]
        at = watermark(bucket, history, rows, now, heard).at
        for version, found in self._due(bucket, name, heard):
            if found < at:
                there = (version, name) in self.s3.was_held
                assert there, (
                    f"the watermark of {name} is {at}: {version.key} {version.version_id} was"
                    f" written at {found} and is not there"
                )

    def _due(
        self, bucket: str, name: str, heard: Instant | None
    ) -> Iterator[tuple[ObjectVersion, Instant]]:
        """Versions that S3 sends there, of whose creation the tracker can know, and when they were
        written."""
        done = {e.version for e in self.done() if isinstance(e, Created)}
        queued = {
            event.version: message.sent
            for message in self.tracker.waiting.values()
            if message.id not in self.tracker.left
            for event in self.tracker.events(message)
            if isinstance(event, Created)
        }
        for version, found in self.s3.written.items():
            if version.bucket != bucket or name not in found.places or version not in self.s3.held:
                continue
            if found.replica or not self._is_knowable(version, name):
                continue
            # Of a marker nobody can read how it fares: in doubt, it is waited for for a day.
            age = seconds_between(found.written_at, self.s3.now())
            if found.marker and age >= A_DAY:
                continue
            sent = queued.get(version)
            heard_of = version in done or (sent and heard and sent < heard)
            if heard_of and version not in self.lost:
                yield version, found.written_at

    def done(self) -> Iterator[object]:
        for message in self.tracker.done.values():
            yield from self.tracker.events(message)

    def _is_knowable(self, version: ObjectVersion, name: str) -> bool:
        """Whether the rules that it met were read by anybody, or still can be; and its tags, where
        they decided."""
        found = self.s3.written[version]
        if name in found.by_tags and found.retagged:
            return False
        return self._was_read(version)

    def _was_read(self, version: ObjectVersion) -> bool:
        met = self.s3.written[version].met
        current = met == self.s3.configuration_number
        return version.bucket != SOURCE or current or met in self.s3.shown

    def _lists(
        self,
        bucket: str,
        history: RuleHistory,
        known: dict[ObjectVersion, dict[str, LedgerItem]],
    ) -> None:
        """As far as a list is called complete, nothing that is due is missing from it."""
        heard = self.tracker.frontier()
        if heard is None:
            return
        reach = min(heard, history.certain_until or heard)
        listed = {
            (stored.version, stored.destination)
            for name in ("", *history.destinations)
            for stored in self._listed(bucket, name)
        }
        for name in history.destinations:
            for version, written_at in self._due(bucket, name, heard):
                if version.in_bucket(name) in self.s3.gone:
                    continue  # where it was, nobody who looks now can tell
                if written_at < reach:
                    there = {(version, name), (version, "")} & listed
                    said = {n: s.record.state for n, s in known.get(version, {}).items()}
                    assert there, f"{version} is due at {name} and in no list: {said}"
