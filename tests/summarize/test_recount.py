"""A recount heals what is wrong, and nothing that is merely late."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from replication.counters.counter import BenignKeys, Deltas, Totals, merged
from replication.ledger.item import LedgerItem
from replication.times import Instant
from summarize.recount import FENCE_CHECKS, ROUNDS, Recount, Recounted, Verdict
from tests.support.seeds import requested, stored, version

NOW = Instant("2026-11-22T10:30:00.000Z")
TOTALS = Totals("src", "dst-a", "rule-a")


@dataclass
class World:
    """An index, counters, and a stream between them that is worked off when somebody rests.

    `backlog` are writes of which the stream has told nothing; `reached`: its fences are passed
    once it is empty. `meanwhile` is called after each walk."""

    index: list[LedgerItem] = field(default_factory=list)
    counted: Deltas = field(default_factory=dict)
    backlog: list[Deltas] = field(default_factory=list)
    stands_still: bool = False
    meanwhile: Callable[["World"], None] = lambda _: None
    fences: int = 0
    rests: int = 0
    healed: list[str] = field(default_factory=list)

    def write(self, name: str, *, told: bool = False) -> None:
        """An object version that became PENDING; `told`: the stream has told of it."""
        self.index.append(stored(requested(len(self.index)), of=version(name)))
        if told:
            self.tell(1)
        else:
            self.backlog.append({TOTALS: Counter(PENDING=1, PENDING_bytes=1024)})

    def tell(self, number: int) -> None:
        added: Deltas = {TOTALS: Counter(PENDING=number, PENDING_bytes=1024 * number)}
        self.counted = merged([self.counted, added])

    def entries(self, bucket: str, destination: str) -> Iterable[LedgerItem]:
        yield from list(self.index)
        self.meanwhile(self)

    def snapshot(self, *_: object) -> Deltas:
        return {view: Counter(one) for view, one in self.counted.items()}

    def heal(self, differences: Deltas, name: str) -> None:
        self.healed.append(name)
        self.counted = merged([self.counted, differences])

    def put_up_fences(self) -> str:
        self.fences += 1
        return str(self.fences)

    def fences_are_passed(self, token: str) -> bool:
        return not self.backlog and not self.stands_still

    def rest(self) -> None:
        self.rests += 1
        if not self.stands_still:
            self.counted = merged([self.counted, *self.backlog])
            self.backlog.clear()

    def recount(self) -> Recounted:
        recount = Recount(self, self, BenignKeys(), rest=self.rest, now=lambda: NOW)
        # Periods are counted as the totals are; one of the views is enough here.
        return recount("src", "dst-a")


@pytest.fixture(autouse=True)
def totals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "summarize.recount.shown", lambda walked, _: {TOTALS: walked[TOTALS]} if walked else {}
    )


def test_counters_that_are_right_need_no_fence() -> None:
    world = World()
    for number in range(3):
        world.write(f"k{number}", told=True)
    assert world.recount() == Recounted(Verdict.RIGHT, {}, 3)
    assert (world.fences, world.rests, world.healed) == (0, 0, [])


def test_what_was_never_counted_is_healed_once_two_fenced_walks_agree() -> None:
    world = World()
    world.write("k", told=True)
    world.counted = {}
    found = world.recount()
    assert (found.verdict, found.entries) == (Verdict.HEALED, 1)
    assert world.counted[TOTALS]["PENDING"] == 1
    assert world.fences == 2 * 2
    assert world.recount().verdict is Verdict.RIGHT
    assert len(world.healed) == 1


def test_what_the_stream_has_not_told_yet_is_not_counted_twice() -> None:
    """The route is quiet and the stream is behind: the same difference is seen again and again."""
    world = World(stands_still=True)
    for number in range(50):
        world.write(f"k{number}")
    assert world.recount().verdict is Verdict.MOVING
    assert (world.fences, world.rests, world.healed) == (1, FENCE_CHECKS, [])
    world.stands_still = False
    world.rest()
    assert world.counted[TOTALS]["PENDING"] == 50
    assert world.recount().verdict is Verdict.RIGHT


def test_a_stream_that_comes_to_its_fences_in_time_is_waited_for() -> None:
    world = World()
    world.write("k")
    assert world.recount() == Recounted(Verdict.RIGHT, {}, 1)
    assert world.healed == []


def test_what_is_written_during_a_walk_is_waited_for_and_heals_nothing() -> None:
    """Something is always on its way, and one entry was never counted."""
    world = World()
    world.write("lost", told=True)
    world.counted = {}
    world.meanwhile = lambda one: one.write(f"k{len(one.index)}")
    assert world.recount().verdict is Verdict.MOVING
    assert world.healed == []
    assert world.fences == 2 * ROUNDS
    world.meanwhile = lambda _: None
    assert world.recount().verdict is Verdict.HEALED
    world.rest()
    assert world.counted[TOTALS]["PENDING"] == len(world.index)


def test_an_index_that_lags_at_the_first_walk_heals_nothing() -> None:
    world = World()
    for number in range(2):
        world.write(f"k{number}", told=True)
    missing = world.index.pop()

    def catches_up(one: World) -> None:
        if one.fences:
            one.index.append(missing)
            one.meanwhile = lambda _: None

    world.meanwhile = catches_up
    assert world.recount() == Recounted(Verdict.RIGHT, {}, 2)
    assert world.healed == []


def test_a_stream_that_stops_between_two_fences_heals_nothing() -> None:
    world = World()
    world.write("lost", told=True)
    world.counted = {}

    def stops(one: World) -> None:
        one.stands_still = one.fences > 0

    world.meanwhile = stops
    assert world.recount().verdict is Verdict.MOVING
    assert world.healed == []


def test_what_was_forgotten_stays_counted_as_completed() -> None:
    """Its entry is gone from the index, and its counter says so."""
    forgotten = {"FORGOTTEN": 2, "FORGOTTEN_bytes": 2_048}
    right = Counter(
        {"PENDING": 1, "PENDING_bytes": 1_024, "COMPLETED": 2, "COMPLETED_bytes": 2_048}
    )
    world = World()
    world.write("k", told=True)
    world.counted = {TOTALS: right + Counter(forgotten)}
    assert world.recount() == Recounted(Verdict.RIGHT, {}, 1)
    world.counted[TOTALS]["COMPLETED"] += 1
    found = world.recount()
    assert found.verdict is Verdict.HEALED
    assert found.differences == {TOTALS: Counter(COMPLETED=-1)}
    assert world.counted[TOTALS] == right + Counter(forgotten)
