"""How far the ingest queue was heard to its end."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from replication.aws.table.frontier import RETURNED_SECONDS, FrontierTable
from replication.aws.table.frontier_reads import MARGIN_SECONDS, PAGE, FrontierReads
from replication.message import Message
from replication.times import Instant, plus
from tests.support import ledger_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = Instant("2026-11-22T10:00:00.000Z")
MARGIN = -MARGIN_SECONDS


class World:
    """The marks of one deployment; `now` is the wall clock."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.client = client
        self.now = NOW
        self.marks = FrontierTable(client, "ledger", lambda: self.now)
        self.reads = FrontierReads(client, "ledger")

    def frontier(self) -> Instant | None:
        return self.reads.frontier()


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        ledger_table.create(client, "ledger")
        yield World(client)


def sent(name: str, seconds: float) -> Message:
    return Message(name, "", plus(NOW, seconds))


def test_nobody_knows_before_a_refresh_was_worked_off(world: World) -> None:
    assert world.frontier() is None


def test_it_is_the_newest_refresh_less_a_margin_for_a_queue_without_order(world: World) -> None:
    world.marks.advance(plus(NOW, -60))
    assert world.frontier() == plus(NOW, -60 + MARGIN)


def test_an_older_refresh_that_comes_later_takes_nothing_back(world: World) -> None:
    world.marks.advance(plus(NOW, -60))
    world.marks.advance(plus(NOW, -120))
    assert world.frontier() == plus(NOW, -60 + MARGIN)


def test_a_queue_that_is_an_hour_behind_is_heard_to_an_hour_ago(world: World) -> None:
    world.marks.advance(plus(NOW, -3600))
    assert world.frontier() == plus(NOW, -3600 + MARGIN)


def test_the_oldest_message_that_was_given_back_holds_it_where_it_was_sent(world: World) -> None:
    world.marks.give_back([sent("b", -300), sent("a", -600)])
    world.marks.advance(NOW)
    assert world.frontier() == plus(NOW, -600)


def test_the_mark_counts_until_the_message_must_have_come_again(world: World) -> None:
    """It is invisible for six minutes; then it was done, or left a new mark."""
    world.marks.give_back([sent("a", -600)])
    world.now = plus(NOW, 360)
    world.marks.advance(world.now)
    assert world.frontier() == plus(NOW, -600)
    world.marks.give_back([sent("a", -600)])
    world.marks.advance(plus(NOW, RETURNED_SECONDS + 1))
    assert world.frontier() == plus(NOW, -600)
    world.marks.advance(plus(NOW, 360 + RETURNED_SECONDS + 1))
    assert world.frontier() == plus(NOW, 361 + RETURNED_SECONDS + MARGIN)


def test_a_queue_that_stands_still_outlives_no_mark(world: World) -> None:
    """Nothing was heard since, whatever the clock says."""
    world.marks.give_back([sent("a", -600)])
    world.marks.advance(NOW)
    world.now = plus(NOW, 10 * RETURNED_SECONDS)
    assert world.frontier() == plus(NOW, -600)


def test_nothing_given_back_leaves_no_mark(world: World) -> None:
    world.marks.give_back([])
    world.marks.advance(NOW)
    assert world.frontier() == plus(NOW, MARGIN)


def test_one_that_is_newer_than_the_margin_holds_nothing(world: World) -> None:
    world.marks.give_back([sent("a", -5)])
    world.marks.advance(NOW)
    assert world.frontier() == plus(NOW, MARGIN)


def test_a_message_that_became_a_dead_letter_holds_it_no_longer_than_it_could_come_again(
    world: World,
) -> None:
    """The alarm of the dead letters tells of it then."""
    world.marks.give_back([sent("a", -600)])
    world.marks.advance(plus(NOW, RETURNED_SECONDS - 1))
    assert world.frontier() == plus(NOW, -600)
    world.marks.advance(plus(NOW, RETURNED_SECONDS + 1))
    assert world.frontier() == plus(NOW, RETURNED_SECONDS + 1 + MARGIN)


def test_however_many_have_expired_the_oldest_that_counts_is_found(world: World) -> None:
    for number in range(3 * PAGE):
        world.marks.give_back([sent(f"old-{number}", -3600 - number)])
    world.now = plus(NOW, RETURNED_SECONDS + 1)
    world.marks.give_back([sent("new", 60)])
    world.marks.advance(world.now)
    assert world.frontier() == plus(NOW, 60)
