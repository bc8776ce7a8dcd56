"""The ledger against a real store: what is in the table is the fold, however the facts came."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.aws.table import ledger_item
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.ledger_item import Item
from replication.errors import Rejected
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.ledger.port import Claim, Written
from replication.ledger.retention import KEPT_DAYS_AFTER_DELETION
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.replication.aws.table.conftest import SHARDS
from tests.support.strategies import histories

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.e2e

START = Instant("2026-11-22T10:00:00.000Z")
_numbers = count()
ANY = ObjectVersion("source", "any", "v1")


@pytest.fixture(scope="module")
def module_table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """One table for the properties: every example takes a key of its own."""
    name = "ledger-properties"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    yield name
    dynamodb.delete_table(TableName=name)


def moved(facts: Sequence[Fact], version: ObjectVersion) -> list[Fact]:
    """The same facts about another version."""
    names = Fact.__dataclass_fields__
    return [
        Fact(**{name: getattr(fact, name) for name in names if name != "version"}, version=version)
        for fact in facts
    ]


def fresh(key: str = "a/key") -> ObjectVersion:
    return ObjectVersion("source", f"{next(_numbers)}/{key}", "v1")


def fact(kind: Kind, version: ObjectVersion, seconds: float = 0, **more: Any) -> Fact:
    return Fact(
        kind=kind,
        version=version,
        destination=more.pop("destination", "dst"),
        at=plus(START, seconds),
        evidence=more.pop("evidence", Evidence.OBJECT_CREATED),
        id=more.pop("id", f"{kind}-{seconds}"),
        **more,
    )


def in_table(client: "DynamoDBClient", table: str, version: ObjectVersion) -> Item:
    """The item without its counter of read-then-write rounds, which is no part of the record."""
    key = ledger_item.key_of(version, "dst")
    item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    return {name: value for name, value in item.items() if name != "rev"}


def expected(facts: Sequence[Fact], version: ObjectVersion) -> Item:
    return ledger_item.item_of(LedgerItem(version, "dst", fold(facts)), SHARDS)


@contextmanager
def requests_of(client: "DynamoDBClient") -> Iterator[list[str]]:
    """Names of the operations the client calls meanwhile."""
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    client.meta.events.register("before-call.dynamodb", note)
    yield calls
    client.meta.events.unregister("before-call.dynamodb", note)


@settings(max_examples=60)
@given(history=histories(min_size=1, max_size=7), data=st.data())
def test_any_order_duplication_and_batching_leaves_the_same_item(
    dynamodb: "DynamoDBClient", module_table: str, history: list[Fact], data: st.DataObject
) -> None:
    """Byte for byte the item that the fold of all facts makes."""
    version = fresh()
    facts = moved(history, version)
    again = data.draw(st.lists(st.sampled_from(facts), max_size=4))
    delivered = data.draw(st.permutations(facts + again))
    ledger = DynamoDBLedger(dynamodb, module_table, SHARDS)
    while delivered:
        size = data.draw(st.integers(1, len(delivered)))
        batch, delivered = delivered[:size], delivered[size:]
        results = ledger.write([Claim(one) for one in batch])
        assert set(results.values()) <= {Written.WRITTEN, Written.KNOWN}
    assert in_table(dynamodb, module_table, version) == expected(facts, version)


@settings(max_examples=40)
@given(history=histories(max_size=6))
def test_an_item_reads_back_as_what_was_written(history: list[Fact]) -> None:
    version = fresh()
    stored = LedgerItem(version, "dst", fold(moved(history, version)))
    assert ledger_item.read_item(ledger_item.item_of(stored, SHARDS)) == stored


def test_a_common_life_takes_one_write_request_each_and_no_read(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    version = fresh()
    life = [
        fact(Kind.REQUESTED, version, size=5),
        fact(Kind.ARRIVED, version, 1),
        fact(Kind.REPLICA_DELETED, version, 2),
        fact(Kind.DELETED, version, 4),
    ]
    with requests_of(dynamodb) as calls:
        for one in life:
            assert list(ledger.write([Claim(one)]).values()) == [Written.WRITTEN]
    assert calls == ["BatchExecuteStatement"] * 4
    assert in_table(dynamodb, table, version) == expected(life, version)


def test_a_failure_that_does_not_say_what_it_was_asked_for_reads_first(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    """Its place in the index `held` is the time of the request, which only the item knows."""
    version = fresh()
    life = [fact(Kind.REQUESTED, version), fact(Kind.FAILED, version, 3)]
    for one in life:
        ledger.write([Claim(one)])
    assert in_table(dynamodb, table, version) == expected(life, version)
    assert in_table(dynamodb, table, version)["held"]["S"].startswith(f"{START}#")


def test_facts_on_one_item_in_one_batch_are_written_once(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    version = fresh()
    life = [fact(Kind.ARRIVED, version, 1), fact(Kind.REQUESTED, version, size=5)]
    with requests_of(dynamodb) as calls:
        ledger.write([Claim(one) for one in life])
    assert calls == ["BatchExecuteStatement"]
    assert in_table(dynamodb, table, version) == expected(life, version)


@pytest.mark.parametrize("kind", [Kind.OBSERVED, Kind.NOTED])
def test_what_an_inventory_says_of_an_unknown_version_takes_one_request_and_no_read(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger, kind: Kind
) -> None:
    version = fresh()
    told: dict[str, Any] = {"evidence": Evidence.INVENTORY, "requested_at": plus(START, -9)}
    if kind is Kind.OBSERVED:
        told["status"] = Status.FAILED
    seen = fact(kind, version, size=5, etag="e", **told)
    with requests_of(dynamodb) as calls:
        assert list(ledger.write([Claim(seen)]).values()) == [Written.WRITTEN]
    assert calls == ["BatchExecuteStatement"]
    assert in_table(dynamodb, table, version) == expected([seen], version)
    arrival = fact(Kind.ARRIVED, version, 1)
    ledger.write([Claim(arrival)])
    later = fact(Kind.OBSERVED, version, 2, **(told | {"status": Status.COMPLETED}))
    ledger.write([Claim(later)])
    assert in_table(dynamodb, table, version) == expected([seen, arrival, later], version)


def test_a_note_of_an_inventory_makes_no_item_when_it_needs_one(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    note = fact(Kind.NOTED, fresh(), evidence=Evidence.INVENTORY)
    assert list(ledger.write([Claim(note, must_exist=True)]).values()) == [Written.MISSING]
    assert in_table(dynamodb, table, note.version) == {}


def test_25_items_travel_in_one_call(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    claims = [Claim(fact(Kind.REQUESTED, fresh())) for _ in range(60)]
    with requests_of(dynamodb) as calls:
        results = ledger.write(claims)
    assert calls == ["BatchExecuteStatement"] * 3
    assert set(results.values()) == {Written.WRITTEN}


def test_an_older_fact_is_added_and_changes_no_state(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    version = fresh()
    created = fact(Kind.REQUESTED, version, size=5)
    arrival = fact(Kind.ARRIVED, version, 10)
    late = fact(Kind.FAILED, version, 5, failure_code="DstBucketNotFound")
    for one in (created, arrival, late):
        ledger.write([Claim(one)])
    item = in_table(dynamodb, table, version)
    assert item["status"] == {"S": "COMPLETED"}
    assert "failure_code" not in item
    assert ledger_item.fact_name(late) in item


def test_a_fact_delivered_twice_is_known(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    created = fact(Kind.REQUESTED, fresh(), size=5)
    ledger.write([Claim(created)])
    before = in_table(dynamodb, table, created.version)
    assert list(ledger.write([Claim(created)]).values()) == [Written.KNOWN]
    assert in_table(dynamodb, table, created.version) == before


@pytest.mark.parametrize("together", [True, False])
def test_the_first_verdict_on_a_change_stays(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger, together: bool
) -> None:
    """The event comes again, and S3 says something else by then: no byte changes."""
    version = fresh()
    life = [fact(Kind.REQUESTED, version), fact(Kind.ARRIVED, version, 1)]
    ledger.write([Claim(one) for one in life])
    change = fact(Kind.CHANGED, version, 5, id="event")
    first = fact(Kind.VERDICT, version, 5, id="event", status=Status.PENDING)
    ledger.write([Claim(change), Claim(first)])
    before = in_table(dynamodb, table, version)
    other = fact(Kind.VERDICT, version, 5, id="event", in_doubt=True)
    claims = [Claim(change), Claim(other)] if together else [Claim(other)]
    assert list(ledger.write(claims).values()) == [Written.KNOWN]
    assert in_table(dynamodb, table, version) == before


def test_a_claim_that_needs_an_existing_item_writes_nothing_without_one(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    arrival = fact(Kind.ARRIVED, fresh())
    assert list(ledger.write([Claim(arrival, must_exist=True)]).values()) == [Written.MISSING]
    assert in_table(dynamodb, table, arrival.version) == {}
    assert list(ledger.write([Claim(arrival)]).values()) == [Written.WRITTEN]


def test_the_end_of_a_version_takes_it_off_the_lists_and_gives_it_an_expiry(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    version = fresh()
    ledger.write([Claim(fact(Kind.REQUESTED, version))])
    assert "route" in in_table(dynamodb, table, version)
    ledger.write([Claim(fact(Kind.DELETED, version, 1))])
    # An arrival that was under way does not bring it back.
    ledger.write([Claim(fact(Kind.ARRIVED, version, 2))])
    item = in_table(dynamodb, table, version)
    assert "route" not in item
    assert "position" not in item
    assert item["status"] == {"S": "COMPLETED"}
    days = (int(item["expires_at"]["N"]) - 1795341601) / 86_400
    assert days == pytest.approx(KEPT_DAYS_AFTER_DELETION, abs=0.1)


@pytest.mark.parametrize(
    "key",
    [
        "k" * 1024,
        "\N{PARTY POPPER}" * 256,
        "a'b\"c`d\\e",
        "?;--{}[]$%&+ #/",
        "\u202e\u0000x",
        "100%/r%C3%A9/d+e f",
    ],
)
def test_any_key_s3_allows_is_kept_as_it_is(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger, key: str
) -> None:
    version = ObjectVersion("b" * 63, key, "null")
    life = [fact(Kind.REQUESTED, version), fact(Kind.ARRIVED, version, 1)]
    for one in life:
        assert list(ledger.write([Claim(one)]).values()) == [Written.WRITTEN]
    item = in_table(dynamodb, table, version)
    assert ledger_item.read_item(item).version == version
    assert item == expected(life, version)


def test_writers_that_race_lose_nothing(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    """Four at a time, in any order; who finds the item changed too often goes back to the queue,
    as its message would."""
    version = fresh()
    facts = [
        fact(kind, version, seconds, id=f"{kind}{seconds}")
        for seconds in range(6)
        for kind in (Kind.REQUESTED, Kind.ARRIVED, Kind.FAILED, Kind.CHANGED)
    ]

    def deliver(one: Fact) -> None:
        for _ in range(20):
            (result,) = ledger.write([Claim(one)]).values()
            if isinstance(result, Written):
                return
        raise AssertionError(result)

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(deliver, facts[::-1]))
    assert in_table(dynamodb, table, version) == expected(facts, version)


def test_one_item_dynamodb_does_not_take_stops_no_other(ledger: DynamoDBLedger) -> None:
    """An item may have 400 KB; the call that carries a larger one fails as a whole."""
    large = fact(Kind.REQUESTED, fresh(), detail="x" * 410_000)
    good = [fact(Kind.REQUESTED, fresh()) for _ in range(3)]
    results = dict(ledger.write([Claim(one) for one in (*good, large)]))
    bad = results.pop((large.version, "dst"))
    assert isinstance(bad, Rejected)
    assert bad.reason == "unwritable"
    assert list(results.values()) == [Written.WRITTEN] * 3


def test_destinations_of_a_version_are_those_of_its_items(ledger: DynamoDBLedger) -> None:
    version = fresh()
    ledger.write([Claim(fact(Kind.REQUESTED, version, destination=name)) for name in ("a", "b")])
    other = ObjectVersion(version.bucket, version.key, "v11")
    ledger.write([Claim(fact(Kind.REQUESTED, other, destination="c"))])
    assert list(ledger.states(version)) == ["a", "b"]
    assert ledger.states(ObjectVersion("source", "never", "v1")) == {}
