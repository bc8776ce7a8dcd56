"""What is not certain yet stands in the lists, says so, and can be asked for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from query import wiring
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.s3.status import Status
from tests.query.conftest import TABLE, get
from tests.query.lists import LIST, every_page, keys
from tests.support.seeds import arrived, at, requested, stored, version

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Seed = Callable[..., None]


def doubtful(key: str, destination: str = "dst-a", *more: Any) -> LedgerItem:
    """In doubt, without a status unless `more` brings one."""
    known = (Kind.POSSIBLE, 5, {"size": 7})
    return stored(known, *more, of=version(key), destination=destination)


PENDING_AND_IN_DOUBT = (Kind.OBSERVED, 6, {"status": Status.PENDING, "in_doubt": True})


@pytest.fixture
def in_doubt(seed: Seed) -> None:
    """In doubt at dst-a, at nobody knows where, and PENDING and in doubt at dst-b."""
    seed(
        doubtful("maybe"),
        doubtful("somewhere", ""),
        doubtful("likely", "dst-b", PENDING_AND_IN_DOUBT),
        stored(requested(1), of=version("sure")),
    )


@pytest.mark.usefixtures("in_doubt")
def test_what_is_in_doubt_stands_in_the_list_without_a_status() -> None:
    assert sorted(keys()) == ["likely", "maybe", "somewhere", "sure"]
    rows = {row["key"]: row for row in get(LIST).json["items"]}
    told = {key: (one["destination"], one["status"], one["in_doubt"]) for key, one in rows.items()}
    assert told == {
        "maybe": ("dst-a", None, True),
        "somewhere": (None, None, True),
        "likely": ("dst-b", "PENDING", True),
        "sure": ("dst-a", "PENDING", False),
    }
    assert rows["maybe"]["since"] == at(5)
    assert rows["maybe"]["evidence"] is not None


@pytest.mark.usefixtures("in_doubt")
def test_a_flag_finds_what_is_in_doubt_whatever_its_status() -> None:
    assert sorted(keys(flag="in_doubt")) == ["likely", "maybe", "somewhere"]
    assert keys(flag="in_doubt", status="PENDING") == ["likely"]
    assert keys(flag="in_doubt", destination="dst-a") == ["maybe"]
    assert sorted(row["key"] for row in every_page(flag="in_doubt", limit=1)) == [
        *("likely", "maybe", "somewhere"),
    ]


@pytest.mark.usefixtures("in_doubt")
def test_a_filter_by_status_shows_that_status_alone() -> None:
    assert keys(status="PENDING") == ["sure", "likely"]
    assert keys(status="FAILED") == keys(reason="X") == []
    assert sorted(keys(flag="stale")) == ["likely", "sure"]


def test_a_row_newer_than_the_last_read_of_its_rules_is_in_doubt(
    seed: Seed, dynamodb: "DynamoDBClient"
) -> None:
    seed(stored(requested(0), arrived(2), of=version("early")), stored(requested(60)))
    RuleRevisionTable(dynamodb, TABLE).note_read("src", at(30))
    wiring.service.cache_clear()
    rows = {row["key"]: row["in_doubt"] for row in get(LIST).json["items"]}
    assert rows == {"early": False, "a/key": True}
    assert keys(flag="in_doubt") == [], "nobody asks S3 for that"
    assert get(LIST).json["complete"] is False
