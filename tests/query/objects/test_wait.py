"""Waiting ends with the answer that was waited for, or with the time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from query.objects.lookup import NotTracked
from query.objects.wait import wait
from replication.errors import TooManyVersions
from replication.ledger.fact import Kind
from replication.published import row
from replication.published.row import Json
from tests.support.seeds import arrived, at, failed, requested, stored

AT = row.AsOf(at(0))

PENDING = row.tracked_object([stored(requested())], "src", AT)
COMPLETED = row.tracked_object([stored(requested(), arrived(3))], "src", AT)
REPLICA = row.tracked_object([stored(requested(), arrived(3))], "dst-a", AT)
HALF = row.tracked_object(
    [stored(requested(), arrived(3)), stored(requested(), destination="dst-b")], "src", AT
)
BOTH = row.tracked_object(
    [stored(requested(), arrived(3)), stored(requested(), arrived(3), destination="dst-b")],
    "src",
    AT,
)
ONE_FAILED = row.tracked_object(
    [stored(requested()), stored(requested(), failed(3), destination="dst-b")], "src", AT
)


@dataclass
class Clock:
    """Time passes only by sleeping (and by `finding`, for each question)."""

    now: float = 100.0
    pauses: list[float] = field(default_factory=list)

    def seconds(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def answers(clock: Clock, *steps: tuple[float, Json | Exception]) -> Callable[[], Json]:
    """`find` that answers what the last step whose time has come says."""
    start = clock.now

    def find() -> Json:
        (current,) = [what for when, what in steps if clock.now >= start + when][-1:]
        if isinstance(current, Exception):
            raise current
        return current

    return find


def waited(*steps: tuple[float, Any], destination: str | None = None, timeout: float = 20) -> Json:
    clock = Clock()
    found = answers(clock, *steps)
    return wait(found, destination, timeout, seconds=clock.seconds, sleep=clock.sleep)


@pytest.mark.parametrize("final", [COMPLETED, ONE_FAILED, REPLICA])
def test_a_final_answer_comes_at_once(final: Json) -> None:
    clock = Clock()
    found = wait(lambda: final, None, 20, seconds=clock.seconds, sleep=clock.sleep)
    assert found == final | {"timed_out": False}
    assert clock.pauses == []


def test_the_answer_comes_soon_after_it_is_true() -> None:
    clock = Clock()
    find = answers(clock, (0, PENDING), (5, COMPLETED))
    found = wait(find, None, 20, seconds=clock.seconds, sleep=clock.sleep)
    assert found["timed_out"] is False
    assert clock.now - 100 <= 6


def test_the_time_runs_out_exactly_and_the_last_answer_is_given() -> None:
    clock = Clock()
    found = wait(lambda: PENDING, None, 7.3, seconds=clock.seconds, sleep=clock.sleep)
    assert found == PENDING | {"timed_out": True}
    assert clock.now == pytest.approx(107.3)


def test_what_comes_true_at_the_end_of_the_time_is_seen() -> None:
    assert waited((0, PENDING), (3, COMPLETED), timeout=3)["timed_out"] is False


def test_no_time_is_one_question() -> None:
    clock = Clock()
    found = wait(lambda: PENDING, None, 0, seconds=clock.seconds, sleep=clock.sleep)
    assert found["timed_out"] is True
    assert clock.pauses == []


def test_pauses_grow_from_a_quarter_of_a_second_to_a_second() -> None:
    clock = Clock()
    wait(lambda: PENDING, None, 10, seconds=clock.seconds, sleep=clock.sleep)
    assert clock.pauses[0] == 0.25
    assert max(clock.pauses) == 1.0
    assert clock.pauses[:-1] == sorted(clock.pauses[:-1])


def test_an_object_not_tracked_yet_is_waited_for() -> None:
    found = waited((0, NotTracked("nothing")), (2, PENDING), (4, COMPLETED))
    assert found["replication_status"] == "COMPLETED"


def test_an_object_that_never_comes_is_not_tracked() -> None:
    with pytest.raises(NotTracked):
        waited((0, NotTracked("nothing")), timeout=2)


def test_one_destination_is_enough_when_it_was_named() -> None:
    assert waited((0, HALF), destination="dst-a")["timed_out"] is False
    assert waited((0, HALF), timeout=1)["timed_out"] is True
    assert waited((0, HALF), destination="dst-b", timeout=1)["timed_out"] is True


def test_another_destination_s_failure_does_not_end_the_wait_for_one() -> None:
    assert waited((0, ONE_FAILED), destination="dst-a", timeout=1)["timed_out"] is True
    assert waited((0, ONE_FAILED), destination="dst-b", timeout=1)["timed_out"] is False


@pytest.mark.parametrize("answer", [COMPLETED, PENDING])
def test_a_destination_that_is_none_of_the_object_s_is_answered_at_once(answer: Json) -> None:
    clock = Clock()
    found = wait(lambda: answer, "dst-z", 20, seconds=clock.seconds, sleep=clock.sleep)
    assert found == answer | {"timed_out": False}
    assert "dst-z" not in [one["bucket"] for one in found["destinations"]]
    assert clock.pauses == []


def test_a_destination_may_turn_up_as_long_as_the_object_is_in_doubt() -> None:
    doubtful = PENDING | {"in_doubt": True}
    assert waited((0, doubtful), destination="dst-z", timeout=1)["timed_out"] is True
    found = waited((0, doubtful), (3, PENDING), destination="dst-z")
    assert found["timed_out"] is False
    found = waited((0, doubtful), (3, HALF), (5, BOTH), destination="dst-b")
    assert (found, found["timed_out"]) == (BOTH | {"timed_out": False}, False)


def test_a_destination_that_no_rule_sends_it_to_is_not_waited_for() -> None:
    read = (Kind.OBSERVED, 5, {"status": None})
    places = [stored(requested(), arrived(3)), stored(read, destination="dst-b")]
    found = row.tracked_object(places, "src", AT)
    assert waited((0, found), destination="dst-b")["timed_out"] is False
    unknown = stored((Kind.NOTED, 5), destination="dst-b")
    found = row.tracked_object([places[0], unknown], "src", AT)
    assert waited((0, found), destination="dst-b", timeout=1)["timed_out"] is True


def test_a_destination_in_doubt_of_what_is_gone_is_not_waited_for() -> None:
    doubtful = (Kind.OBSERVED, 6, {"in_doubt": True})
    found = row.tracked_object([stored(doubtful)], "src", AT)
    assert waited((0, found), destination="dst-a", timeout=1)["timed_out"] is True
    gone = row.tracked_object([stored(doubtful, (Kind.DELETED, 9))], "src", AT)
    assert gone["destinations"][0]["in_doubt"] is True
    assert waited((0, gone), destination="dst-a", timeout=1)["timed_out"] is False


def test_a_version_that_no_rule_takes_is_not_waited_for() -> None:
    found = row.tracked_object([stored((Kind.INELIGIBLE, 0), destination="")], "src", AT)
    assert waited((0, found))["timed_out"] is False
    assert waited((0, found | {"eligible": None}), timeout=1)["timed_out"] is True


def test_too_many_versions_end_the_wait() -> None:
    with pytest.raises(TooManyVersions):
        waited((0, TooManyVersions("too many")))
