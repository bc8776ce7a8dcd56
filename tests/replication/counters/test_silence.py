"""A destination is called silent by what arrived there unreported, never by silence."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from replication.counters.counter import BenignKeys, Period, deltas, image_of
from replication.counters.period import Level
from replication.counters.silence import LEAST, silent_routes
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.ledger.watermark import PRESENT_SECONDS
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.times import Instant, plus
from tests.support.seeds import arrived, at, failed, requested, stored, version

NOW = at(3_000)
ROUTE = ("src", "dst-a")
COMPLETED = {"status": Status.COMPLETED, "evidence": Evidence.HEAD_SOURCE}
TAGGED = {"status": Status.PENDING, "evidence": Evidence.OBJECT_CHANGED}


@dataclass
class Counted:
    """Counters in memory, of every life from its first fact to its last."""

    counted: dict[Period, Counter[str]] = field(default_factory=dict)
    reads: list[Level] = field(default_factory=list)

    def add(self, *lives: LedgerItem) -> "Counted":
        for one in lives:
            self.change(None, one)
        return self

    def change(self, before: LedgerItem | None, after: LedgerItem) -> None:
        old, new = (image_of(one, listed=True) if one else None for one in (before, after))
        for key, amounts in deltas(old, new, BenignKeys()).items():
            if isinstance(key, Period):
                self.counted.setdefault(key, Counter()).update(amounts)

    def periods(
        self, bucket: str, destination: str, level: Level, first: str, last: str
    ) -> Mapping[str, Counter[str]]:
        self.reads.append(level)
        return {
            key.start: amounts
            for key, amounts in self.counted.items()
            if (key.bucket, key.destination, key.level) == (bucket, destination, level)
            and first <= key.start <= last
        }


def found(written: float, read: float, **more: Any) -> LedgerItem:
    """A version whose arrival HEAD found."""
    name = version(f"found-{written}")
    return stored(requested(written), (Kind.OBSERVED, read, COMPLETED | more), of=name)


def reported(written: float, after: float = 2) -> LedgerItem:
    return stored(requested(written), arrived(written + after), of=version(f"told-{written}"))


def silent(counted: Counted, now: Instant = NOW) -> dict[tuple[str, str], int]:
    return silent_routes(counted, [ROUTE], now, now)


def test_a_quiet_bucket_is_never_silent() -> None:
    counted = Counted()
    assert silent(counted) == {}
    counted.add(*(reported(n) for n in range(9)))
    for hours in range(48):
        assert silent(counted, plus(NOW, hours * 3_600)) == {}
    assert {*counted.reads} == {Level.HOUR}, "in the common life one small read a route"


def test_a_destination_of_which_replica_after_replica_is_unreported_is_silent() -> None:
    counted = Counted().add(reported(0), *(found(60 * n, 2_000 + n) for n in range(1, LEAST)))
    assert silent(counted) == {}, "S3 may lose an event"
    counted.add(found(60 * LEAST, 2_500))
    assert silent(counted) == {ROUTE: LEAST}
    assert silent(counted, plus(NOW, 20 * 3_600)) == {ROUTE: LEAST}, "while nothing else happens"
    assert silent(counted, plus(NOW, 26 * 3_600)) == {}, "and for a day"


def test_it_ends_with_the_next_event_whatever_is_still_found_of_before() -> None:
    counted = Counted().add(*(found(60 * n, 2_400) for n in range(5)), reported(400))
    assert silent(counted) == {}
    counted.add(*(found(300 + n, 2_900) for n in range(5)))
    assert silent(counted) == {}


def test_an_arrival_that_is_reported_late_is_not_unreported_any_more() -> None:
    counted, read = Counted(), (Kind.OBSERVED, 900, COMPLETED)
    for number in range(LEAST):
        name = version(f"k{number}")
        life = [stored(requested(0), *more, of=name) for more in ([], [read], [read, arrived(5)])]
        for before, after in zip([None, *life[:1]], life[:2], strict=True):
            counted.change(before, after)
        if not number:
            late = life
    assert silent(counted) == {ROUTE: LEAST}
    counted.change(late[1], late[2])
    assert silent(counted) == {}


def test_a_destination_that_answers_now_and_then_is_not_silent() -> None:
    counted = Counted()
    for minute in range(0, 40, 4):
        counted.add(found(60 * minute, 2_900), found(60 * minute + 60, 2_900))
        counted.add(reported(60 * minute + 120))
    assert silent(counted) == {}


def test_while_the_queue_is_behind_nothing_is_said() -> None:
    counted = Counted().add(*(found(60 * n, 2_400) for n in range(5)))
    for frontier in (None, plus(NOW, -PRESENT_SECONDS - 1)):
        assert silent_routes(counted, [ROUTE], NOW, frontier) == {}
    assert silent_routes(counted, [ROUTE], NOW, plus(NOW, -PRESENT_SECONDS)) == {ROUTE: 5}


@pytest.mark.parametrize(
    "life",
    [
        pytest.param([requested(0), arrived(5), (Kind.OBSERVED, 900, COMPLETED)], id="reported"),
        pytest.param([requested(0), (Kind.OBSERVED, 900, COMPLETED), arrived(5)], id="late"),
        pytest.param(
            [requested(0, delete_marker=True), (Kind.OBSERVED, 900, COMPLETED)], id="marker"
        ),
        pytest.param(
            [
                requested(0),
                arrived(5),
                (Kind.VERDICT, 60, TAGGED),
                (Kind.OBSERVED, 900, COMPLETED),
            ],
            id="change",
        ),
        pytest.param([(Kind.OBSERVED, 900, COMPLETED | {"requested_at": at(0)})], id="old"),
        pytest.param(
            [requested(0), (Kind.OBSERVED, 900, COMPLETED | {"quiet": True})], id="listed"
        ),
        pytest.param([requested(0), failed(5)], id="failed"),
        pytest.param([requested(0)], id="pending"),
    ],
)
def test_what_no_event_of_the_destination_has_to_report_is_not_missed(life: list[Any]) -> None:
    counted = Counted().add(*(stored(*life, of=version(f"k{n}")) for n in range(9)))
    assert silent(counted) == {}


def test_a_version_that_only_a_tag_rule_takes_is_missed_as_well() -> None:
    life = ((Kind.POSSIBLE, 0, {"sequencer": "00AA"}), (Kind.OBSERVED, 900, COMPLETED))
    possible = [stored(*life, of=version(f"k{n}")) for n in range(LEAST)]
    for one in possible:
        assert one.record.state.status is Status.COMPLETED
    assert silent(Counted().add(*possible)) == {ROUTE: LEAST}
