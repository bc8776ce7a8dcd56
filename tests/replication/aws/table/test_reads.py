"""The reads of the API against a real store: bounds of the index, filters, pages.

moto is lenient where DynamoDB is not: BETWEEN with its bounds the wrong way round, for one.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from replication.aws.table.frontier import RETURNED_SECONDS, FrontierTable
from replication.aws.table.frontier_reads import PAGE, FrontierReads
from replication.aws.table.index_reads import IndexReads
from replication.aws.table.item_reads import ItemReads
from replication.aws.table.ledger_item import tie_of
from replication.aws.table.outstanding import Outstanding
from replication.errors import TooManyVersions
from replication.ledger import index, version_items
from replication.ledger.fact import Kind
from replication.ledger.index import Filters, Position, Route
from replication.ledger.item import LedgerItem
from replication.ledger.watermark import watermark
from replication.message import Message
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import plus
from tests.replication.aws.table.conftest import SHARDS
from tests.support import seeds
from tests.support.seeds import arrived, at, failed, requested, stored, version

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.e2e

EVERYTHING = Filters(
    routes=(("src", "dst-a"), ("src", "dst-b"), ("src", "")),
    statuses=(*Status, None),
    newest_first=False,
)

Seed = Callable[..., None]


@pytest.fixture
def reads(dynamodb: "DynamoDBClient", table: str) -> IndexReads:
    return IndexReads(dynamodb, table)


@pytest.fixture
def items(dynamodb: "DynamoDBClient", table: str) -> ItemReads:
    return ItemReads(dynamodb, table)


@pytest.fixture
def seed(dynamodb: "DynamoDBClient", table: str) -> Seed:
    def put(*records: LedgerItem) -> None:
        seeds.put(dynamodb, table, *records, shards=SHARDS)

    return put


def rows(reads: IndexReads, filters: Filters, limit: int = 3, **more: Any) -> Iterator[LedgerItem]:
    after: Position | None = None
    for _ in range(200):
        page = index.page(filters, reads.fetch, shards=SHARDS, after=after, limit=limit, **more)
        yield from (row for _, row in page.rows)
        after = page.next
        if after is None:
            return
    raise AssertionError("the list never ends")


def keys(reads: IndexReads, filters: Filters, **more: Any) -> list[str]:
    return [row.version.key for row in rows(reads, filters, **more)]


@pytest.mark.parametrize("key", ["a/key", "🦄" * 256, "a#b%20 +\"'\\\n", "é" * 512])
def test_a_version_is_read_back_with_all_its_facts(items: ItemReads, seed: Seed, key: str) -> None:
    one = stored(requested(), failed(3), arrived(4), of=version(key))
    other = stored(requested(), of=version(key), destination="dst-b")
    seed(one, other, stored(requested(), of=version(key, "v10")))
    assert items.version(version(key)) == (one, other)
    assert items.version(version(key, "v")) == ()
    assert items.version(version(key, "v" * 1024)) == ()


def test_versions_of_a_key_come_grouped_and_without_facts(items: ItemReads, seed: Seed) -> None:
    seed(
        *(
            stored(requested(n), of=version("k", f"v{n}"), destination=destination)
            for n in range(30)
            for destination in ("dst-a", "dst-b", "")
        ),
        stored(requested(), of=version("k2", "other")),
    )
    found = list(items.versions("src", "k"))
    assert len(found) == 30
    assert all(len(items) == 3 for items in found)
    assert {items[0].version.version_id for items in found} == {f"v{n}" for n in range(30)}
    assert all(item.record.facts == () for items in found for item in items)
    assert max(found, key=version_items.age_of)[0].version.version_id == "v29"


def test_a_key_with_too_many_versions_is_not_read_to_its_end(
    dynamodb: "DynamoDBClient", table: str, seed: Seed
) -> None:
    seed(*(stored(requested(n), of=version("k", f"v{n}")) for n in range(11)))
    assert len(list(ItemReads(dynamodb, table, items_of_a_key=11).versions("src", "k"))) == 11
    with pytest.raises(TooManyVersions):
        list(ItemReads(dynamodb, table, items_of_a_key=10).versions("src", "k"))


def _somewhere(n: int) -> str:
    """Of some that are in doubt nobody knows where."""
    return "" if n % 8 == 3 else ["dst-a", "dst-b"][n // 2 % 2]


@pytest.mark.parametrize("newest_first", [False, True])
def test_every_row_comes_once_in_order_page_by_page(
    reads: IndexReads, seed: Seed, newest_first: bool
) -> None:
    make: list[Callable[[int], list[Any]]] = [
        lambda n: [requested(n)],
        lambda n: [requested(0), failed(n)],
        lambda n: [requested(0), arrived(n)],
        lambda n: [(Kind.POSSIBLE, n)],
    ]
    records = [
        stored(*make[n % 4](n // 4), of=version(f"k{n}"), destination=_somewhere(n))
        for n in range(60)
    ]
    seed(*records, stored(requested(), (Kind.DELETED, 5), of=version("gone")))
    found = list(rows(reads, replace(EVERYTHING, newest_first=newest_first), limit=7))
    since = [row.record.state.since for row in found]
    assert sorted(row.version.key for row in found) == sorted(f"k{n}" for n in range(60))
    assert since == sorted(since, reverse=newest_first)  # type: ignore[type-var]


@pytest.mark.parametrize("newest_first", [False, True])
def test_filters_hold_at_their_bounds(reads: IndexReads, seed: Seed, newest_first: bool) -> None:
    everything = replace(EVERYTHING, newest_first=newest_first)
    seed(
        stored(requested(1), of=version("logs/a")),
        stored(requested(2, rule_id="rule-b"), of=version("logs/b")),
        stored(requested(0), failed(3), of=version("other/c")),
    )

    def found(**filters: Any) -> list[str]:
        return sorted(keys(reads, replace(everything, **filters), limit=1))

    assert found(since=at(2)) == ["logs/b", "other/c"]
    assert found(until=at(2)) == ["logs/a"]
    assert found(since=at(2), until=at(3)) == ["logs/b"]
    assert found(since=at(3), until=at(2)) == []
    assert found(prefix="logs/") == ["logs/a", "logs/b"]
    assert found(rule_id="rule-b") == ["logs/b"]
    assert found(statuses=(Status.FAILED,)) == ["other/c"]
    assert found(routes=(("src", "dst-b"),)) == []


def test_what_is_in_doubt_is_found_with_and_without_a_status(reads: IndexReads, seed: Seed) -> None:
    doubtful = {"status": Status.PENDING, "in_doubt": True}
    seed(
        stored((Kind.POSSIBLE, 1), of=version("maybe")),
        stored((Kind.POSSIBLE, 2), of=version("somewhere"), destination=""),
        stored((Kind.POSSIBLE, 3), (Kind.OBSERVED, 4, doubtful), of=version("likely")),
        stored(requested(5), of=version("sure")),
        stored((Kind.INELIGIBLE, 6), of=version("not-taken"), destination=""),
    )
    assert keys(reads, EVERYTHING) == ["maybe", "somewhere", "likely", "sure"]
    assert keys(reads, replace(EVERYTHING, in_doubt=True)) == ["maybe", "somewhere", "likely"]
    assert keys(reads, replace(EVERYTHING, statuses=(None,))) == ["maybe", "somewhere"]
    assert keys(reads, replace(EVERYTHING, statuses=(None,), since=at(2))) == ["somewhere"]
    shard = int(tie_of(version("maybe"), "dst-a"), 16) % SHARDS
    oldest = reads.oldest(Route("src", "dst-a", shard), None)
    assert oldest is not None
    assert oldest.version.key == "maybe"


def test_what_waits_since_its_first_request_is_found_by_it(reads: IndexReads, seed: Seed) -> None:
    tried_again = (Kind.OBSERVED, 50, {"status": Status.PENDING})
    seed(
        stored(requested(1), failed(2), tried_again, of=version("again")),
        stored(requested(30), of=version("young")),
    )
    waits = replace(EVERYTHING, statuses=(Status.PENDING,), asked_before=at(20))
    assert keys(reads, waits) == ["again"]


def test_the_oldest_that_a_destination_may_lack_are_among_those_read(
    dynamodb: "DynamoDBClient", table: str, seed: Seed
) -> None:
    seed(
        stored((Kind.POSSIBLE, 1), of=version("somewhere"), destination=""),
        stored((Kind.POSSIBLE, 2), of=version("maybe")),
        stored(requested(3), failed(30), of=version("failed")),
        stored(requested(4), of=version("pending")),
        stored(requested(0), of=version("elsewhere"), destination="dst-b"),
        stored(requested(0), arrived(1), of=version("there")),
    )
    outstanding = Outstanding(dynamodb, table, SHARDS)

    def oldest(destination: str) -> set[str]:
        return {one.version.key for one in outstanding.oldest("src", destination)}

    assert oldest("dst-a") == {"somewhere", "maybe", "failed", "pending"}
    assert oldest("") == {"somewhere"}
    marks = watermark("src", None, outstanding.oldest("src", "dst-a"), at(60))
    assert marks.at == at(1)


def message(sent: float, name: str = "m") -> Message:
    return Message(name, "body", at(sent))


def test_messages_that_are_forgotten_hide_none_that_counts(
    dynamodb: "DynamoDBClient", table: str
) -> None:
    FrontierTable(dynamodb, table, lambda: at(0)).advance(at(500))
    old = FrontierTable(dynamodb, table, lambda: plus(at(0), -RETURNED_SECONDS))
    for number in range(3 * PAGE):
        old.give_back([message(number, f"old-{number}")])
    FrontierTable(dynamodb, table, lambda: at(0)).give_back([message(300, "counts")])
    assert FrontierReads(dynamodb, table).frontier() == at(300)


def test_a_rare_row_is_found_in_many_small_requests(reads: IndexReads, seed: Seed) -> None:
    seed(
        *(stored(requested(n % 50), of=version(f"k{n}")) for n in range(120)),
        stored(requested(25), of=ObjectVersion("src", "rare", "v")),
    )
    filters = replace(EVERYTHING, prefix="rare")
    assert keys(reads, filters, budget=20) == ["rare"]
    assert keys(reads, replace(filters, newest_first=True), budget=20) == ["rare"]
