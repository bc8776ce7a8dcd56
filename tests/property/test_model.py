"""The tracker against a model of S3, step by step: events lost, late, twice and out of order.

A state machine lets users, S3 and the delivery of events do anything in any order, drives the real
`Recorder`, `Attributor`, `Examiner` and `Reconciler` with it, and asks after every step whether the
ledger says anything S3 gave no reason for. `converge` ends the faults, reconciles and reads an
inventory of every bucket: from then on the ledger has to say what S3's own header says, whatever
events were lost.

Of what is gone from every bucket no inventory tells: when no event told, either, and it was in no
list, its end stays unheard of.
"""

import os
from collections.abc import Mapping

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

from replication import views
from replication.events import ConfigurationChanged, Event
from replication.facts import ObjectVersion
from replication.fold import Record, State
from replication.status import Status
from replication.stored import Stored
from replication.times import Instant, plus
from tests.property.s3_model import DESTINATIONS, SOURCE, TAG, Rule, S3Model
from tests.property.tracker import LONG_AGO, Tracker, in_memory

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "400"))
"""Some seconds; thousands are for whoever changed what is checked here."""
KEYS = ("one/key", "both/key", "both/äöü +%")
AN_HOUR = 3_600_000


class Machine(RuleBasedStateMachine):
    """With its ledger in memory; a subclass may put it elsewhere."""

    def make(self, s3: S3Model) -> Tracker:
        return in_memory(s3)

    @initialize(
        at_once=st.booleans(),
        change_events=st.booleans(),
        markers_show=st.booleans(),
        second=st.integers(0, 999),
    )
    def begin(self, at_once: bool, change_events: bool, markers_show: bool, second: int) -> None:
        self.s3 = S3Model(
            failure_shows_at_once=at_once, change_events=change_events, markers_show=markers_show
        )
        self.s3.pass_time(second)
        self.tracker = self.make(self.s3)
        self.refresh_at = 60_000
        self.on_their_way: list[Event] = []

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
        """A batch: in any order, some twice; some of them will come once more later, too."""
        waiting = self.on_their_way
        if waiting:
            batch = [waiting[pick % len(waiting)] for pick in picks]
            self.tracker.record(batch)
            done = [event for event, pick in zip(batch, picks, strict=True) if pick % 3]
            self.on_their_way = [event for event in waiting if event not in done]

    @rule()
    def deliver_all(self) -> None:
        self.tracker.record(self.on_their_way)
        self.on_their_way.clear()

    @rule(pick=picks)
    def lose(self, pick: int) -> None:
        if self.on_their_way:
            self.on_their_way.pop(pick % len(self.on_their_way))

    @rule()
    def lose_all(self) -> None:
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
            # Without a destination it is the status of the version, wherever that was sent.
            places = [name] if name else DESTINATIONS
            had = any((version, place) in self.s3.was_held for place in places)
            assert had, f"{name} never had {version}"

    @precondition(lambda self: bool(self.s3.written))
    @rule()
    def converge(self) -> None:
        """The faults end, the queue empties, and S3 is asked until it tells nothing new."""
        self.s3.denied = frozenset()
        self._send(2 * AN_HOUR)
        again, self.tracker.returned = self.tracker.returned, []
        self.tracker.record(again)
        self._reconcile()
        self.tracker.read_inventories()
        self._send(2 * AN_HOUR)
        self._reconcile()
        for version in self.s3.written:
            self._compare(version)
        for version, found in self.s3.held.items():
            if version.bucket != SOURCE:
                self._compare_copy(version, found.replica)

    def _compare_copy(self, version: ObjectVersion, replica: bool) -> None:
        """What a destination has is known as a replica, of somebody or of nobody, or as nothing."""
        known = (
            self.tracker.ledger.states(version.in_bucket(bucket)).get(version.bucket)
            for bucket in (SOURCE, version.bucket)
        )
        there = any(state and state.arrived_at for state in known)
        marker = self.s3.held[version].marker
        # A marker whose source is gone shows nothing that tells it from the bucket's own.
        assert there == replica or (marker and not there), f"{version} is a replica: {replica}"

    def _reconcile(self) -> None:
        for look in range(5):
            found = self.tracker.reconcile_all()
            self._send(2 * AN_HOUR)
            if look and not any(name.startswith("found_") for name in found):
                return
        pytest.fail(f"reconciliation does not end: {found}")

    def _compare(self, version: ObjectVersion) -> None:
        known = self.tracker.ledger.states(version)
        if version not in self.s3.held:
            ended = any(state.deleted_at for state in known.values())
            assert ended or self.tracker.is_unlisted(version), f"{version} is gone"
            return
        statuses = {n: s.status for n, s in known.items() if n and not s.is_ruled_out}
        there = self.s3.held[version]
        holders = {name for name in DESTINATIONS if self._held(version, name)}
        for name, state in known.items():
            if name and state.status is Status.COMPLETED:
                assert name in holders or state.lost_at, f"{name} has no {version}"
            if name and state.status is Status.FAILED:
                assert not self._is_well(version, name), f"{version} is well at {name}"
        assert holders <= set(statuses), f"{version} is at {holders}"
        if there.marker:
            return
        header = self.s3.header(version)
        well = [name for name in there.places if self._is_well(version, name)]
        if header == "PENDING" and len(well) + 1 < len(there.places):
            # Amazon does not say whether one failure shows while another destination is pending,
            # so the failure that an event told stands.
            assert self._shown(version, known) in ("PENDING", "FAILED")
            return
        assert self._shown(version, known) == header, f"{version}: {statuses}"

    def _shown(self, version: ObjectVersion, known: Mapping[str, State]) -> str | None:
        """The status that the API shows; of a version nobody knows, none."""
        items = [Stored(version, name, Record(state)) for name, state in known.items()]
        if not items:
            return None
        shown = views.summary(items, SOURCE, views.Present(self.s3.now()))["replication_status"]
        return str(shown) if shown else None

    def _is_well(self, version: ObjectVersion, name: str) -> bool:
        """HEAD shows nothing that the destination lacks."""
        found = self.s3.held.get(ObjectVersion(name, version.key, version.version_id))
        there = self.s3.held[version]
        completed = there.places.get(name, "COMPLETED") == "COMPLETED"
        return found is not None and completed and found.tags == there.tags

    def _held(self, version: ObjectVersion, name: str) -> bool:
        found = self.s3.held.get(ObjectVersion(name, version.key, version.version_id))
        return found is not None and found.replica


def test_the_tracker_converges_to_what_s3_says() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=EXAMPLES, stateful_step_count=40),
    )
