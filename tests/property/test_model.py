"""The tracker against a model of S3, step by step: events lost, late, twice and out of order.

A state machine lets users, S3 and the delivery of events do anything in any order, drives the real
`Recorder`, `Attributor`, `Examiner` and `Reconciler` with it, and asks after every step whether the
ledger says anything S3 gave no reason for. `converge` ends the faults and reconciles: from then on
the ledger has to say what S3's own header says.

What is beyond reach is said in `Tracker.beyond_reach`, and nowhere else: a version that is in no
list of the ledger, of which some event never came.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from replication.adapters.configurations import Configurations, ConfigurationTable
from replication.adapters.dynamodb import DynamoDBLedger
from replication.adapters.dynamodb_reads import LedgerReads
from replication.adapters.items import Stored
from replication.attributor import Attributor
from replication.checks import Schedule
from replication.configuration import History, Revision
from replication.eligibility import parse_configuration, targets
from replication.events import ConfigurationChanged, Created, Event
from replication.facts import Fact, Kind, ObjectVersion
from replication.fold import State
from replication.ports import Ledger, Message
from replication.reconciler import Index, Reconciler
from replication.recorder import Recorder
from replication.status import Status, aggregate
from replication.times import Instant, plus
from tests.fakes import MemoryDeadLetters, MemoryLedger
from tests.property.s3_model import DESTINATIONS, SOURCE, TAG, Rule, S3Model, about
from tests.unit.test_reconciler import MemoryFindings, MemoryIndex

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS = ("one/key", "both/key", "both/äöü +%")
BASE_SECONDS = 900.0
AN_HOUR = 3_600_000
LONG_AGO = 400 * 86_400


@dataclass
class Table:
    """`ConfigurationTable` in memory."""

    revisions: list[Revision] = field(default_factory=list)

    def load(self, bucket: str) -> History | None:
        ordered = sorted(self.revisions, key=lambda revision: revision.since)
        return History(bucket, tuple(ordered)) if ordered else None

    def append(self, bucket: str, since: Instant, raw: Mapping[str, Any]) -> None:
        self.revisions.append(Revision(since, parse_configuration(raw)))


class ListedOnly(MemoryIndex):
    """As DynamoDB's index: a version that was deleted at its source is listed no more."""

    def rows(self, status: Status) -> list[Any]:
        return [row for row in super().rows(status) if row[1].record.state.deleted_at is None]


@dataclass
class Tracker:
    """The real parts over one ledger, with S3 played by the model."""

    s3: S3Model
    ledger: Ledger
    index: Index
    shards: int
    table: Table = field(default_factory=Table)
    letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    bodies: list[Event] = field(default_factory=list)
    returned: list[Event] = field(default_factory=list)
    """What went back to the queue."""

    def __post_init__(self) -> None:
        self.configurations = Configurations(
            s3=lambda: cast("Any", self.s3),
            table=cast("ConfigurationTable", self.table),
            buckets=[SOURCE],
            seconds=lambda: self.s3.milliseconds / 1000,
            now=self.s3.now,
        )
        self.recorder = Recorder(
            parse=lambda body, _: [self.bodies[int(body)]],
            attributor=self._attributor,
            histories=self.configurations,
            ledger=self.ledger,
            dead_letters=self.letters,
            now=self.s3.now,
        )
        self.reconciler = Reconciler(
            index=self.index,
            ledger=self.ledger,
            objects=self.s3,
            findings=MemoryFindings(),
            histories=lambda: {SOURCE: self.table.load(SOURCE)},
            schedule=Schedule(BASE_SECONDS, audited=1),
            shards=self.shards,
            now=self.s3.now,
        )
        self.configurations.histories()

    def _attributor(self) -> Attributor:
        return Attributor(
            histories=self.configurations.histories(),
            unknown=self.configurations.unknown(),
            objects=self.s3,
            ledger=self.ledger,
            tracked=frozenset({SOURCE, *DESTINATIONS}),
            record_ineligible=True,
        )

    def record(self, events: Sequence[Event]) -> None:
        """One batch. What S3 accepted is in the ledger, back in the queue, or of no concern."""
        self.bodies += events
        first = len(self.bodies) - len(events)
        messages = [
            Message(f"m{n}", str(n), self.s3.now()) for n in range(first, len(self.bodies))
        ]
        retry = set(self.recorder.record(messages).retry)
        for message, event in zip(messages, events, strict=True):
            if message.id in retry:
                self.returned.append(event)
            else:
                assert self.is_kept(event), f"{event} is nowhere"

    def is_kept(self, event: Event) -> bool:
        """Whether the ledger has a fact of this creation, or it concerns no tracked version."""
        if not isinstance(event, Created):
            return True
        version = ObjectVersion(SOURCE, event.version.key, event.version.version_id)
        if version not in self.s3.held:
            return True
        return any(event.id == fact.id for fact in self.facts(version))

    def facts(self, version: ObjectVersion) -> list[Fact]:
        if isinstance(self.ledger, MemoryLedger):
            records = self.ledger.records.items()
            return [f for (v, _), record in records if v == version for f in record.facts]
        assert isinstance(self.index, LedgerReads)
        return [fact for item in self.index.version(version) for fact in item.record.facts]

    def reconcile(self, last: Instant) -> set[str]:
        """One tick, all its windows, and the names of what was found."""
        found: set[str] = set()
        windows = list(self.reconciler.plan(last, self.s3.now()).windows)
        while windows:
            checked = self.reconciler.check(windows.pop())
            windows += [checked.rest] if checked.rest else []
            found |= {name for name, count in checked.counts.items() if count}
        return found

    def beyond_reach(self, version: ObjectVersion, unheard: Sequence[Event]) -> bool:
        """No list of the ledger has it (it is unknown, or ineligible, or gone), and of something
        that happened no event came: its own, or that of a change of the rules."""
        known = self.ledger.states(version)
        if any(state.status and not state.deleted_at for state in known.values()):
            return False
        return bool(about(version, unheard)) or self.met_unseen_rules(version)

    def met_unseen_rules(self, version: ObjectVersion) -> bool:
        """It was written after a change of the rules and before the tracker saw that."""
        history = self.table.load(SOURCE)
        written = self.s3.written[version]
        assert history is not None
        second = Instant(written.written_at[:-4] + "000Z")
        found = targets(
            history.at(second), version.key, delete_marker=written.marker, tags=written.first_tags
        )
        return {target.destination for target in found} != set(written.places)


class Machine(RuleBasedStateMachine):
    """Subclasses say where the ledger is."""

    def make(self, s3: S3Model) -> Tracker:
        raise NotImplementedError

    @initialize(
        at_once=st.booleans(), change_events=st.booleans(), second=st.integers(0, 999)
    )
    def begin(self, at_once: bool, change_events: bool, second: int) -> None:
        self.s3 = S3Model(failure_shows_at_once=at_once, change_events=change_events)
        self.s3.pass_time(second)
        self.tracker = self.make(self.s3)
        self.refresh_at = 60_000
        self.on_their_way: list[Event] = []
        self.lost: list[Event] = []

    def _version(self, pick: int) -> ObjectVersion:
        there = [version for version in self.s3.held if version.bucket == SOURCE]
        return there[pick % len(there)]

    def _any(self) -> bool:
        return any(version.bucket == SOURCE for version in self.s3.held)

    def _send(self, milliseconds: int = 37) -> None:
        """Events set out, and time passes; once a minute the rules are read anew."""
        self.on_their_way += self.s3.sent
        self.s3.sent.clear()
        end = self.s3.milliseconds + milliseconds
        while self.refresh_at <= end:
            self.s3.milliseconds = self.refresh_at
            self.tracker.record([ConfigurationChanged(None, self.s3.now(), "scheduled")])
            self.refresh_at = max(self.refresh_at + 60_000, end - end % 60_000)
        self.s3.milliseconds = end

    picks = st.integers(0, 999)

    # What users do.

    @rule(key=st.sampled_from(KEYS), tagged=st.booleans(), marker=st.booleans())
    def put(self, key: str, tagged: bool, marker: bool) -> None:
        self.s3.put(key, TAG if tagged and not marker else {}, marker=marker)
        self._send()

    @rule(bucket=st.sampled_from(DESTINATIONS), key=st.sampled_from(KEYS))
    def put_at_destination(self, bucket: str, key: str) -> None:
        self.s3.put_at_destination(bucket, key)
        self._send()

    @precondition(_any)
    @rule(pick=picks, tagged=st.booleans())
    def change(self, pick: int, tagged: bool) -> None:
        version = self._version(pick)
        if not self.s3.held[version].marker:
            self.s3.change(version, TAG if tagged else {})
            self._send()

    @precondition(_any)
    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        self.s3.delete(self._version(pick))
        self._send()

    @rule(pick=picks)
    def delete_replica(self, pick: int) -> None:
        there = [version for version, found in self.s3.held.items() if found.replica]
        if there:
            self.s3.delete(there[pick % len(there)])
            self._send()

    @rule(
        destination=st.sampled_from(DESTINATIONS),
        prefix=st.sampled_from(["", "one/", "both/"]),
        tagged=st.booleans(),
        markers=st.booleans(),
        told=st.booleans(),
    )
    def add_rule(
        self, destination: str, prefix: str, tagged: bool, markers: bool, told: bool
    ) -> None:
        self.s3.rules.append(Rule(destination, prefix, tagged, markers))
        self._rules_changed(told)

    @rule(pick=picks, remove=st.booleans(), told=st.booleans())
    def take_rule_away(self, pick: int, remove: bool, told: bool) -> None:
        if not self.s3.rules:
            return
        found = self.s3.rules[pick % len(self.s3.rules)]
        if remove:
            self.s3.rules.remove(found)
        else:
            found.enabled = not found.enabled
        self._rules_changed(told)

    def _rules_changed(self, told: bool) -> None:
        if told:
            second = Instant(self.s3.now()[:-4] + "000Z")
            self.tracker.record([ConfigurationChanged(SOURCE, second, f"call-{second}")])
        self._send()

    # What S3 does.

    @rule(pick=picks, end=st.sampled_from(["arrive", "arrive", "fail", "tagless", "untracked"]))
    def replicate(self, pick: int, end: str) -> None:
        pending = list(self.s3.pending())
        if not pending:
            return
        version, name = pending[pick % len(pending)]
        match end:
            case "arrive":
                self.s3.arrive(version, name)
            case "fail":
                self.s3.fail(version, name)
            case "tagless":
                self.s3.arrive(version, name, with_tags=not self.s3.held[version].tags)
            case _:
                self.s3.stop_tracking(version, name)
        self._send()

    @rule(pick=picks)
    def try_again(self, pick: int) -> None:
        failed = list(self.s3.failed())
        if failed:
            self.s3.try_again(*failed[pick % len(failed)])
            self._send()

    @rule(milliseconds=st.sampled_from([1, 400, 1_000, 61_000, AN_HOUR]))
    def wait(self, milliseconds: int) -> None:
        self._send(milliseconds)

    @rule(buckets=st.frozensets(st.sampled_from([SOURCE, *DESTINATIONS]), max_size=2))
    def deny(self, buckets: frozenset[str]) -> None:
        self.s3.denied = buckets

    # How events come.

    @rule(picks=st.lists(picks, min_size=1, max_size=4))
    def deliver(self, picks: list[int]) -> None:
        """A batch: in any order, some twice; they may come once more later, too."""
        waiting = self.on_their_way
        if waiting:
            self.tracker.record([waiting[pick % len(waiting)] for pick in picks])
            for pick in picks[:2]:
                if waiting and pick % 2:
                    waiting.pop(pick % len(waiting))

    @rule()
    def deliver_all(self) -> None:
        self.tracker.record(self.on_their_way)
        self.on_their_way.clear()

    @rule(pick=picks)
    def lose(self, pick: int) -> None:
        if self.on_their_way:
            self.lost.append(self.on_their_way.pop(pick % len(self.on_their_way)))

    @rule()
    def lose_all(self) -> None:
        self.lost += self.on_their_way
        self.on_their_way.clear()

    @rule(seconds=st.sampled_from([300, 3_600, LONG_AGO]))
    def look_again(self, seconds: int) -> None:
        self.tracker.reconcile(plus(self.s3.now(), -seconds))
        self._send()

    # The laws.

    @invariant()
    def nothing_is_claimed_without_evidence(self) -> None:
        for version in getattr(self, "s3", S3Model()).written:
            for name, state in self.tracker.ledger.states(version).items():
                self._check(version, name, state)

    def _check(self, version: ObjectVersion, name: str, state: State) -> None:
        if state.status is None:
            assert state.since is None
            return
        assert state.since is not None
        assert state.evidence is not None
        if state.status is Status.FAILED:
            assert version in self.s3.was_failed, f"{version} never failed"
        if state.status is Status.COMPLETED or state.arrived_at:
            assert (version, name) in self.s3.was_held, f"{name} never had {version}"

    @precondition(lambda self: bool(self.s3.written))
    @rule()
    def converge(self) -> None:
        """The faults end, the queue empties, and S3 is asked until it tells nothing new."""
        self.s3.denied = frozenset()
        self._send(2 * AN_HOUR)
        again, self.tracker.returned = self.tracker.returned, []
        self.tracker.record(again)
        for _ in range(4):
            found = self.tracker.reconcile(plus(self.s3.now(), -LONG_AGO))
            self._send(2 * AN_HOUR)
            if not any(name.startswith("found_") for name in found):
                break
        else:
            pytest.fail(f"reconciliation does not end: {found}")
        for version in self.s3.written:
            self._compare(version)

    def _compare(self, version: ObjectVersion) -> None:
        known = self.tracker.ledger.states(version)
        if self.tracker.beyond_reach(version, [*self.lost, *self.on_their_way]):
            return
        if version not in self.s3.held:
            assert known, f"{version} is unknown"
            assert any(state.deleted_at for state in known.values()), f"{version} is gone"
            return
        statuses = {n: s.status for n, s in known.items() if n and not s.is_ruled_out}
        there = self.s3.held[version]
        holders = {name for name in DESTINATIONS if self._held(version, name)}
        for name, state in known.items():
            if state.status is Status.COMPLETED:
                assert name in holders or state.lost_at, f"{name} has no {version}"
            if state.status is Status.FAILED:
                blamed = there.places.get(name) == "FAILED" or name in there.changing
                assert blamed or name not in holders, f"{version} is well at {name}"
        assert holders <= set(statuses), f"{version} is at {holders}"
        if there.marker:
            return
        header = self.s3.header(version)
        if header == "PENDING" and list(there.places.values()).count("COMPLETED") + 1 < len(
            there.places
        ):
            # Amazon does not say whether one failure shows while another destination is pending,
            # so the failure that an event told stands.
            assert aggregate(statuses.values()) in ("PENDING", "FAILED")
            return
        assert aggregate(statuses.values()) == header, f"{version}: {statuses}"

    def _held(self, version: ObjectVersion, name: str) -> bool:
        found = self.s3.held.get(ObjectVersion(name, version.key, version.version_id))
        return found is not None and found.replica


class InMemory(Machine):
    def make(self, s3: S3Model) -> Tracker:
        ledger = MemoryLedger()
        return Tracker(s3, ledger, ListedOnly(ledger), shards=1)


def test_the_tracker_converges_to_what_s3_says() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        InMemory, settings=settings(max_examples=int(__import__("os").environ.get("EX", "300")), stateful_step_count=40)
    )
