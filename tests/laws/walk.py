"""What users and S3 itself do, as steps that a state machine may take in any order.

Whatever is drawn, a step does something: it picks among what is there.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from replication.aws.table.frontier_reads import MARGIN_SECONDS
from replication.message import Message
from replication.s3.events import ConfigurationChanged
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.laws.invariants import Laws
from tests.laws.s3_model import CHAIN, DESTINATIONS, SOURCE, TAG, THIRD, Rule, S3Model
from tests.laws.stream_effects import Told
from tests.laws.tracker import Tracker, in_memory

KEYS = ("one/key", "both/key", "both/äöü +%")
AN_HOUR = 3_600_000
A_MINUTE = 60_000

picks = st.integers(0, 999)


class Walk(RuleBasedStateMachine):
    """With its ledger in memory; a subclass may put it elsewhere."""

    def make(self, s3: S3Model) -> Tracker:
        return in_memory(s3)

    @initialize(
        at_once=st.booleans(),
        change_events=st.booleans(),
        change_failures=st.booleans(),
        markers_show=st.booleans(),
        both_channels=st.booleans(),
        chain=st.booleans(),
        second=st.integers(0, 999),
    )
    def begin(
        self,
        at_once: bool,
        change_events: bool,
        change_failures: bool,
        markers_show: bool,
        both_channels: bool,
        chain: bool,
        second: int,
    ) -> None:
        self.s3 = S3Model(
            failure_shows_at_once=at_once,
            change_events=change_events,
            change_failures_told=change_failures,
            markers_show=markers_show,
            milliseconds_told=both_channels,
            rules_elsewhere={CHAIN: [Rule(THIRD)]} if chain else {},
        )
        self.s3.pass_time(second)
        self.tracker = self.make(self.s3)
        self.laws = Laws(self.s3, self.tracker)
        self.told = Told()
        self.refresh_at = A_MINUTE
        self.process = 0
        self.tags = 0

    # Time.

    def _send(self, milliseconds: int = 37) -> None:
        """Events come to the queue, and time passes; once a minute the rules are read anew."""
        for event in self.s3.sent:
            self.tracker.send(event)
        self.s3.sent.clear()
        end = self.s3.milliseconds + milliseconds
        while self.refresh_at <= end:
            self.s3.milliseconds = self.refresh_at
            self._refresh()
            self.refresh_at = max(self.refresh_at + A_MINUTE, end - end % A_MINUTE)
        self.s3.milliseconds = end

    def _refresh(self) -> None:
        """The schedule's message. The queue has hardly an order, but a message is not passed by
        one that was sent minutes later, unless a function has it or gave it back."""
        message = self.tracker.send(ConfigurationChanged(None, self.s3.now(), "scheduled"))
        if self._is_passed(message, ()):
            self._receive([message])

    def _is_passed(self, mark: Message, beside: tuple[str, ...]) -> bool:
        oldest = plus(mark.sent, -MARGIN_SECONDS)
        return not any(
            self.tracker.is_open(one) and one.sent < oldest and one.id not in beside
            for one in self.tracker.waiting.values()
        )

    def _is_mark(self, message: Message) -> bool:
        events = self.tracker.events(message)
        return any(isinstance(e, ConfigurationChanged) and e.bucket is None for e in events)

    def _receive(self, messages: list[Message]) -> None:
        ids = tuple(one.id for one in messages)
        ready = [one for one in messages if not self._is_mark(one) or self._is_passed(one, ids)]
        if ready:
            self.process = 1 - self.process
            self.tracker.receive(ready, self.process)

    # What users do.

    def _version(self, pick: int) -> ObjectVersion | None:
        there = [version for version in self.s3.held if version in self.s3.written]
        return there[pick % len(there)] if there else None

    def _new_tags(self, tagged: bool) -> dict[str, str]:
        """Never the same twice: what a repetition does is not documented."""
        self.tags += 1
        return {**(TAG if tagged else {}), **({"n": str(self.tags)} if self.tags % 3 else {})}

    @rule(
        key=st.sampled_from(KEYS),
        tagged=st.booleans(),
        kind=st.sampled_from(["object", "object", "object", "marker", "hidden"]),
        late_tags=st.booleans(),
    )
    def put(self, key: str, tagged: bool, kind: str, late_tags: bool) -> None:
        marker = kind == "marker"
        tags = dict(TAG) if tagged and not marker else {}
        version = self.s3.put(key, tags, marker=marker, hidden=kind == "hidden")
        self._send()
        if late_tags and not marker:
            self.s3.change(version, self._new_tags(not tagged))
            self._send()

    @rule(bucket=st.sampled_from(DESTINATIONS), key=st.sampled_from(KEYS), foreign=st.booleans())
    def put_elsewhere(self, bucket: str, key: str, foreign: bool) -> None:
        if foreign:
            self.s3.arrive_from_elsewhere(key)
        else:
            self.s3.put_at_destination(bucket, key)
        self._send()

    @rule(pick=picks, tagged=st.booleans())
    def change(self, pick: int, tagged: bool) -> None:
        version = self._version(pick)
        if version and not self.s3.held[version].marker and not self.s3.held[version].replica:
            self.s3.change(version, self._new_tags(tagged))
            self._send()

    @rule(pick=picks, until=st.sampled_from(["2027", "2028"]))
    def retain(self, pick: int, until: str) -> None:
        version = self._version(pick)
        if version and not self.s3.held[version].marker and not self.s3.held[version].replica:
            self.s3.retain(version, until)
            self._send()

    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        if version := self._version(pick):
            self.s3.delete(version)
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
        stale=st.sampled_from([0, 0, 20_000, 50_000]),
    )
    def add_rule(
        self, destination: str, prefix: str, tagged: bool, markers: bool, told: bool, stale: int
    ) -> None:
        rules = [*self.s3.rules, Rule(destination, prefix, tagged, markers)]
        self._rules_change(rules, told, stale)

    @rule(
        pick=picks,
        remove=st.booleans(),
        told=st.booleans(),
        stale=st.sampled_from([0, 0, 20_000, 50_000]),
    )
    def take_rule_away(self, pick: int, remove: bool, told: bool, stale: int) -> None:
        if not self.s3.rules:
            return
        rules = [Rule(**vars(one)) for one in self.s3.rules]
        found = rules[pick % len(rules)]
        if remove:
            rules.remove(found)
        else:
            found.enabled = not found.enabled
        self._rules_change(rules, told, stale)

    def _rules_change(self, rules: list[Rule], told: bool, stale: int) -> None:
        self.s3.change_rules(rules, stale=stale, flickers=stale == 20_000)
        if told:
            second = Instant(self.s3.now()[:-4] + "000Z")
            self.tracker.send(ConfigurationChanged(SOURCE, second, f"call-{second}"))
        self._send()

    # What S3 does.

    @rule(
        pick=picks,
        end=st.sampled_from(["arrive", "arrive", "late", "fail", "tagless", "miss", "untracked"]),
    )
    def replicate(self, pick: int, end: str) -> None:
        pending = list(self.s3.pending())
        if not pending:
            return
        version, name = pending[pick % len(pending)]
        match end:
            case "arrive" | "late":
                self.s3.arrive(version, name, late=end == "late")
            case "fail":
                self.s3.fail(version, name)
            case "tagless":
                self.s3.arrive(version, name, with_tags=not self.s3.held[version].tags)
            case "miss":
                self.s3.miss(version, name)
            case _:
                self.s3.stop_tracking(version, name)
        self._send()

    @rule(pick=picks)
    def run_a_job(self, pick: int) -> None:
        """It replicates what failed, or what came to the chain's bucket on to the third."""
        failed = list(self.s3.failed())
        copies = [v for v, found in self.s3.held.items() if found.replica and v.bucket == CHAIN]
        if CHAIN in self.tracker.sources and copies and pick % 2:
            self.s3.copy_on(copies[pick % len(copies)])
        elif failed:
            self.s3.try_again(*failed[pick % len(failed)])
        self._send()

    @rule(milliseconds=st.sampled_from([1, 400, 1_000, 61_000, 150_000, AN_HOUR]))
    def wait(self, milliseconds: int) -> None:
        self._send(milliseconds)
