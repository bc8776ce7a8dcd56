"""What goes wrong, and how events come: late, twice, out of order, or never. After each step the
laws are checked (`invariants.py`, `stream_effects.py`)."""

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from replication.errors import Reason, Rejected
from replication.ledger.fact import Kind
from replication.message import Message
from replication.s3.events import Created
from replication.s3.evidence import Evidence
from replication.times import plus
from tests.laws.s3_model import DESTINATIONS, SOURCE
from tests.laws.s3_reads import ACTIONS, BUSY_OF
from tests.laws.tracker import LONG_AGO
from tests.laws.walk import Walk, picks

HEADS = (Evidence.HEAD_SOURCE, Evidence.HEAD_DESTINATION)
CREATIONS = (Kind.INELIGIBLE, Kind.POSSIBLE, Kind.REQUESTED)
RUN = {"examples": 0, "steps": 0}
"""What was run, for whoever wants to know."""


class Machine(Walk):
    """A walk on which everything can go wrong."""

    # What goes wrong.

    @rule(
        denied=st.frozensets(
            st.tuples(st.sampled_from([SOURCE, *DESTINATIONS]), st.sampled_from(ACTIONS)),
            max_size=2,
        )
    )
    def deny(self, denied: frozenset[tuple[str, str]]) -> None:
        self.s3.denied = denied

    @rule(busy=st.none() | st.integers(0, BUSY_OF - 1), throttled=st.none() | st.integers(0, 2))
    def throttle(self, busy: int | None, throttled: int | None) -> None:
        self.s3.busy, self.tracker.written.throttled = busy, throttled

    @rule(calls=st.integers(0, 4))
    def kill(self, calls: int) -> None:
        """The next function that makes so many calls ends before the one after."""
        self.tracker.fate.calls = calls

    @rule(process=st.integers(0, 1))
    def start_anew(self, process: int) -> None:
        self.tracker.restart(process)

    # How events come.

    def _waiting(self, numbers: list[int]) -> list[Message]:
        waiting = list(self.tracker.waiting.values())
        return [waiting[n] for n in dict.fromkeys(p % len(waiting) for p in numbers)]

    @rule(numbers=st.lists(picks, min_size=1, max_size=4), twice=st.booleans())
    def deliver(self, numbers: list[int], twice: bool) -> None:
        """A batch, in any order; `twice`: it comes once more at once."""
        if self.tracker.waiting:
            batch = self._waiting(numbers)
            self._receive(batch)
            if twice:
                self._receive(batch)

    @rule()
    def deliver_all(self) -> None:
        self._receive(list(self.tracker.waiting.values()))

    @precondition(lambda self: bool(self.tracker.done))
    @rule(pick=picks)
    def deliver_again(self, pick: int) -> None:
        """The same event in a message of its own."""
        done = list(self.tracker.done.values())
        self.tracker.send(*self.tracker.events(done[pick % len(done)]))

    @rule()
    def play_back(self) -> None:
        """Everything so far once more. What a creation means may be seen otherwise by now; but for
        that and for what HEAD tells now, nothing changes."""
        self.tracker.fate.calls = None
        before = {(one.version, one.destination): one for one in self.tracker.stored()}
        # Once each, or every time that all is played back would double the messages.
        so_far = dict.fromkeys(tuple(self.tracker.events(m)) for m in self.tracker.done.values())
        again = [self.tracker.send(*events) for events in so_far]
        self._receive([one for one in again if not self._is_mark(one)])
        for stored in self.tracker.stored():
            known = before.get((stored.version, stored.destination))
            facts = known.record.facts if known else ()
            gone = [fact for fact in facts if fact not in stored.record.facts]
            assert not gone, f"a second delivery took away {gone}"
            new = [fact for fact in stored.record.facts if fact not in facts]
            known_ids = {fact.id for fact in facts}
            told = [f for f in new if f.id in known_ids and f.evidence not in HEADS]
            other = [fact for fact in told if fact.kind not in CREATIONS]
            assert not other, f"a second delivery added {other} to {known}"
            assert new or not known or known == stored, f"a second delivery changed {known}"

    @rule(pick=picks)
    def lose(self, pick: int) -> None:
        """An event never comes to the queue."""
        new = [one for one in self.tracker.waiting.values() if one.receives == 0]
        new = [one for one in new if not self._is_mark(one)]
        if new:
            self._lose(new[pick % len(new)])

    @rule()
    def lose_all(self) -> None:
        for message in list(self.tracker.waiting.values()):
            if message.receives == 0 and not self._is_mark(message):
                self._lose(message)

    def _lose(self, message: Message) -> None:
        del self.tracker.waiting[message.id]
        for event in self.tracker.events(message):
            if isinstance(event, Created):
                self.laws.lost.add(event.version)

    @rule(pick=picks)
    def send_a_bad_one(self, pick: int) -> None:
        """A message nobody understands, or one whose other record can be."""
        bad = Rejected(Reason.BAD_TEXT, "no event")
        waiting = [one for one in self.tracker.waiting.values() if not self._is_mark(one)]
        if waiting and pick % 2:
            taken = self.tracker.waiting.pop(waiting[pick % len(waiting)].id)
            self.tracker.send(bad, *self.tracker.events(taken))
        else:
            self.tracker.send(bad)

    @rule(seconds=st.sampled_from([300, 3_600, LONG_AGO]))
    def look_again(self, seconds: int) -> None:
        self.tracker.reconcile(plus(self.s3.now(), -seconds))
        self._send()

    # The laws.

    @invariant()
    def nothing_is_untrue(self) -> None:
        if hasattr(self, "laws"):
            RUN["steps"] += 1
            self.told.follow(self.tracker.written.stream)
            self.laws.check()

    def teardown(self) -> None:
        RUN["examples"] += 1
