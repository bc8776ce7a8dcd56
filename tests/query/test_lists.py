"""Lists of rows and of buckets: filters, order, pages, and what they say about themselves."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query import page as page_module
from query import wiring
from replication.aws.table.counter_writes import CounterTable
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.counters.counter import Change, Totals
from replication.ledger import index as listing
from replication.ledger.fact import Kind
from replication.ledger.fold import fold
from replication.s3.rule_history import RuleHistory
from replication.s3.status import Status
from replication.times import Instant, plus, wall_clock
from tests.query.conftest import SHARDS, TABLE, configure, get
from tests.query.lists import LIST, every_page, keys
from tests.support.seeds import arrived, at, failed, requested, stored, version

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Seed = Callable[..., None]


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["logs/q", "f", "logs/c", "p2", "logs/p1"]),
        ({"order": "oldest"}, ["logs/p1", "p2", "logs/c", "f", "logs/q"]),
        ({"order": "asc"}, ["logs/p1", "p2", "logs/c", "f", "logs/q"]),
        ({"order": "desc"}, ["logs/q", "f", "logs/c", "p2", "logs/p1"]),
        ({"status": "PENDING"}, ["logs/p1", "p2"]),
        ({"status": "PENDING", "order": "newest"}, ["p2", "logs/p1"]),
        ({"status": "FAILED"}, ["logs/q", "f"]),
        ({"destination": "dst-b"}, ["logs/q", "p2"]),
        ({"destination": "dst-z"}, []),
        ({"rule_id": "rule-b"}, ["p2"]),
        ({"reason": "X"}, ["logs/q"]),
        ({"reason": "X", "status": "PENDING"}, []),
        ({"prefix": "logs/"}, ["logs/q", "logs/c", "logs/p1"]),
        ({"prefix": ""}, ["logs/q", "f", "logs/c", "p2", "logs/p1"]),
        ({"since": at(20), "until": at(40)}, ["logs/c", "p2"]),
        ({"since": at(20), "until": at(40), "order": "oldest"}, ["p2", "logs/c"]),
        ({"since": "2026-11-22T11:00:40+01:00"}, ["logs/q", "f"]),
        ({"until": at(20)}, ["logs/p1"]),
        ({"limit": 2}, ["logs/q", "f"]),
    ],
)
def test_filters_and_order_choose_the_rows(
    parameters: dict[str, object], expected: list[str]
) -> None:
    assert keys(**parameters) == expected


@pytest.mark.usefixtures("mixed")
def test_a_row_says_everything_an_operator_needs() -> None:
    (row,) = get(LIST, reason="X").json["items"]
    assert row.pop("age_seconds") > 0
    assert row.pop("failure")["code"] == "X"
    assert row == {
        "bucket": "src",
        "key": "logs/q",
        "version_id": "v1",
        "destination": "dst-b",
        "rule_id": "rule-a",
        "status": "FAILED",
        "in_doubt": False,
        "since": at(50),
        "requested_at": at(0),
        "size": 1024,
        "evidence": "replication_event",
        "late": False,
        "stale": False,
        "lost_at": None,
    }


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 7),
    order=st.sampled_from(["oldest", "newest"]),
    rows=st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 5), st.sampled_from(["dst-a", "dst-b"])),
        max_size=25,
        unique_by=lambda row: (row[0], row[2]),
    ),
    status=st.sampled_from([None, "PENDING", "FAILED"]),
)
def test_pages_hold_every_row_once_and_in_order(
    dynamodb: "DynamoDBClient",
    seed: Seed,
    limit: int,
    order: str,
    rows: list[tuple[int, int, str]],
    status: str | None,
) -> None:
    for item in dynamodb.scan(TableName="ledger")["Items"]:
        if item["pk"]["S"].startswith("src/"):
            dynamodb.delete_item(TableName="ledger", Key={"pk": item["pk"], "sk": item["sk"]})
    make = {"PENDING": requested, "FAILED": failed}
    wanted = status or "PENDING"
    seed(
        *(
            stored(make[wanted](second), of=version(f"k{number}"), destination=destination)
            for number, second, destination in rows
        )
    )
    found = every_page(limit=limit, order=order, **({"status": status} if status else {}))
    assert sorted((row["key"], row["destination"]) for row in found) == sorted(
        (f"k{number}", destination) for number, _, destination in rows
    )
    times = [row["since"] for row in found]
    assert times == sorted(times, reverse=order == "newest")


def test_a_row_that_stays_is_given_once_while_others_move(seed: Seed) -> None:
    seed(*(stored(requested(n), of=version(f"stays{n}")) for n in range(20)))
    found: list[str] = []
    cursor: dict[str, str] = {}
    for round_ in range(30):
        page = get(LIST, status="PENDING", limit=3, **cursor).json
        found += [row["key"] for row in page["items"]]
        seed(
            stored(requested(round_), of=version(f"comes{round_}")),
            stored(requested(0), arrived(round_), of=version(f"comes{round_ - 1}")),
        )
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [key for key in found if key.startswith("stays")] == [f"stays{n}" for n in range(20)]


def test_a_request_with_a_rare_filter_reads_a_bounded_part_and_goes_on(
    seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(*(stored(requested(n % 60), of=version(f"k{n}")) for n in range(200)))
    seed(stored(requested(59), of=version("rare")))
    bounded = listing.page
    monkeypatch.setattr(listing, "page", lambda *args, **more: bounded(*args, **more, budget=20))
    first = get(LIST, prefix="rare", order="oldest").json
    assert first["items"] == []
    assert first["next_cursor"]
    assert [row["key"] for row in every_page(prefix="rare", order="oldest")] == ["rare"]


def test_an_answer_stays_below_what_lambda_can_return(
    seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "ANSWER_BYTES", 2_000)
    seed(*(stored(requested(n), of=version(f"k{n}")) for n in range(20)))
    page = get(LIST, limit=20).json
    assert 1 <= len(page["items"]) < 20
    assert len(every_page(limit=20)) == 20
    seed(*(stored(requested(n), of=version("one", f"v{n}")) for n in range(20)))
    assert len(get("/v1/buckets/src/object/versions", key="one").json["items"]) < 20
    assert len(every_page("/v1/buckets/src/object/versions", key="one")) == 20


@pytest.mark.usefixtures("mixed")
def test_a_mere_destination_lists_what_its_sources_send_there() -> None:
    rows = get("/v1/buckets/dst-b/objects").json["items"]
    assert [(row["bucket"], row["key"]) for row in rows] == [("src", "logs/q"), ("src", "p2")]
    assert get("/v1/buckets/dst-b/objects", destination="dst-a").json["items"] == []


def test_a_destination_that_s3_spoke_of_and_no_rule_names_is_listed(
    seed: Seed, dynamodb: "DynamoDBClient"
) -> None:
    seed(stored(requested(0), failed(1), of=version("told"), destination="dst-x"))
    assert keys(status="FAILED") == []
    RuleRevisionTable(dynamodb, TABLE).note_destination("src", "dst-x")
    wiring.service.cache_clear()
    assert keys(status="FAILED") == ["told"]


def test_a_destination_that_anything_was_counted_for_is_listed(
    seed: Seed, dynamodb: "DynamoDBClient"
) -> None:
    seed(stored(requested(0), failed(1), of=version("counted"), destination="dst-x"))
    view = Totals("src", "dst-x", "rule-a")
    counters = CounterTable(dynamodb, TABLE, SHARDS)
    counters.apply("shardId-1", [Change("1", {view: Counter(FAILED=1)})])
    wiring.service.cache_clear()
    assert keys(status="FAILED") == ["counted"]


def test_buckets_are_listed_with_their_rules(dynamodb: "DynamoDBClient") -> None:
    page = get("/v1/buckets").json
    assert page["complete"] is True
    assert page["next_cursor"] is None
    roles = {item["bucket"]: item["role"] for item in page["items"]}
    assert roles == {
        "dst-a": "destination",
        "dst-b": "destination",
        "mirror": "source_and_destination",
        "src": "source_and_destination",
    }
    src = page["items"][-1]
    assert src["destinations"] == ["dst-a", "dst-b", "mirror"]
    assert src["sources"] == ["mirror"]
    assert src["tracking_since"] == "2026-11-22T09:00:00.000Z"
    assert src["rules"][0] == {
        "id": "to-dst-a",
        "status": "Enabled",
        "priority": 1,
        "prefix": "",
        "tags": {},
        "destination": "dst-a",
        "delete_marker_replication": True,
        "metrics": True,
        "replication_time_control": 15,
        "since": "2026-11-22T09:00:00.000Z",
    }


def test_buckets_come_page_by_page(dynamodb: "DynamoDBClient") -> None:
    found = every_page("/v1/buckets", limit=3)
    assert [item["bucket"] for item in found] == ["dst-a", "dst-b", "mirror", "src"]


def test_a_destination_that_rules_no_longer_name_is_still_listed(
    dynamodb: "DynamoDBClient", seed: Seed
) -> None:
    seed(stored(requested(0), failed(1), of=version("old")))
    configure(dynamodb, "src", "dst-b", since=at(100))
    assert keys() == ["old"]
    src = get("/v1/buckets").json["items"][-1]
    assert [rule["destination"] for rule in src["rules"]] == ["dst-b"]
    assert src["destinations"] == ["dst-a", "dst-b", "mirror"]


def test_configurations_are_read_at_most_once_a_minute(
    dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    histories = wiring.service().histories
    monkeypatch.setattr(histories._cached, "_seconds", lambda: clock[0])
    reads: list[str] = []
    load = histories._cached._load

    def counted(bucket: str) -> RuleHistory | None:
        reads.append(bucket)
        return load(bucket)

    monkeypatch.setattr(histories._cached, "_load", counted)
    for moment in (1.0, 30.0, 60.9):
        clock[0] = moment
        get("/v1/buckets")
    assert sorted(reads) == ["mirror", "src"]
    clock[0] = 61.1
    get("/v1/buckets")
    assert len(reads) == 4


def test_a_flag_finds_what_is_late_lost_or_stale(seed: Seed) -> None:
    old = stored(requested(0), of=version("stale"))
    long_ago = replace(old.record.facts[0], at=Instant("2026-01-01T00:00:00.000Z"))
    seed(
        replace(old, record=fold([long_ago])),
        stored(requested(0), (Kind.THRESHOLD_MISSED, 900), of=version("late")),
        stored(requested(0), arrived(1), (Kind.REPLICA_DELETED, 2), of=version("lost")),
        stored(requested(0), arrived(1), of=version("fine")),
    )
    first = replace(old.record.facts[0], at=Instant("2026-01-02T00:00:00.000Z"))
    broken = replace(first, kind=Kind.FAILED, id="failed", failure_code="X")
    waits = replace(first, kind=Kind.OBSERVED, id="read", status=Status.PENDING, at=wall_clock())
    tried_again = replace(old, version=version("again"), record=fold([first, broken, waits]))
    seed(tried_again)
    assert keys(flag="late") == ["late"]
    assert keys(flag="replica_lost") == ["lost"]
    assert keys(flag="stale", until="2026-06-01T00:00:00Z") == ["stale"]
    assert keys(flag="stale", since=plus(wall_clock(), -3_600)) == ["again"]
    assert keys(flag="stale", status="COMPLETED") == []
    (row,) = get(LIST, flag="replica_lost").json["items"]
    assert (row["lost_at"], row["status"]) == (at(2), "COMPLETED")
    assert get(LIST, flag="red").status == 400
