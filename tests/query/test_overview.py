"""Summary, timeline and incidents over a table that the summarizer has counted."""

from typing import TYPE_CHECKING, Any

import pytest

from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.s3.evidence import Evidence
from tests.query.conftest import (
    TABLE,
    TRACKING_SINCE,
    assert_problem,
    forget,
    get,
    hear,
)
from tests.query.happening import Happen, ago, happen, life
from tests.support.seeds import version

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["happen"]


def of(answer: Any, destination: str | None) -> Any:
    (found,) = (one for one in answer.json["destinations"] if one["destination"] == destination)
    return found


def test_a_summary_tells_how_every_destination_stands(happen: Happen) -> None:
    happen(
        life("pending", 700),
        life("done", 60, Kind.ARRIVED, 56),
        life("broken", 1_000, Kind.FAILED, 20),
        life("elsewhere", 30, to="dst-b"),
    )
    answer = get("/v1/buckets/src/summary")
    assert answer.status == 200
    assert [one["destination"] for one in answer.json["destinations"]] == [
        *("dst-a", "dst-b", "mirror"),
    ]
    found = of(answer, "dst-a")
    assert {name: one["count"] for name, one in found["counts"].items()} == {
        "pending": 1,
        "completed": 1,
        "failed": 1,
        "in_doubt": 0,
        "forgotten": 0,
    }
    assert found["counts"]["failed"]["bytes"] == 100
    assert [one["rule_id"] for one in found["rules"]] == ["rule-a"]
    assert found["oldest_pending"]["key"] == "pending"
    ages = {one["up_to_seconds"]: one["count"] for one in found["pending_ages"]}
    assert (sum(ages.values()), ages[900]) == (1, 1)
    mark = found["watermark"]
    assert [one["key"] for one in mark["held_back_by"]] == ["broken", "pending"]
    assert mark["at"] == mark["held_back_by"][0]["requested_at"]
    assert 995 <= mark["lag_seconds"] <= 1_060
    assert mark["held_back_by"][0]["failure"]["code"] == "DstBucketNotFound"
    assert found["latency"]["last_hour"]["count"] == 1
    assert 3.5 <= found["latency"]["last_hour"]["p99"] <= 4.5
    clear = of(answer, "mirror")["watermark"]
    assert clear["at"] == answer.json["heard_until"]
    assert (clear["complete"], clear["reason"], clear["reason_detail"]) == (True, None, None)
    assert 180 <= clear["lag_seconds"] <= 240, "what was heard, less the margin"


def possible(key: str, seconds_ago: float, destination: str) -> list[LedgerItem]:
    """The item of a version in doubt."""
    fact = Fact(
        Kind.POSSIBLE,
        version(key),
        destination,
        ago(seconds_ago),
        Evidence.OBJECT_CREATED,
        "1",
        size=7,
    )
    return [LedgerItem(fact.version, destination, fold([fact]))]


def test_a_summary_counts_what_is_in_doubt_and_the_watermark_waits_for_it(happen: Happen) -> None:
    happen(possible("maybe", 900, "dst-a"))
    answer = get("/v1/buckets/src/summary")
    assert None not in [one["destination"] for one in answer.json["destinations"]]
    found = of(answer, "dst-a")
    assert found["counts"]["in_doubt"] == {"count": 1, "bytes": 7}
    assert [one["key"] for one in found["watermark"]["held_back_by"]] == ["maybe"]
    assert found["watermark"]["lag_seconds"] >= 900
    assert of(answer, "dst-b")["watermark"]["held_back_by"] == []


def test_what_may_go_anywhere_holds_every_watermark_back(happen: Happen) -> None:
    happen(possible("somewhere", 800, ""))
    answer = get("/v1/buckets/src/summary")
    nowhere = of(answer, None)
    assert nowhere["counts"]["in_doubt"] == {"count": 1, "bytes": 7}
    for destination in ("dst-a", "dst-b", "mirror", None):
        mark = of(answer, destination)["watermark"]
        assert [(one["key"], one["destination"]) for one in mark["held_back_by"]] == [
            ("somewhere", None)
        ]


def test_a_summary_reaches_no_further_than_what_was_heard(
    happen: Happen, dynamodb: "DynamoDBClient"
) -> None:
    forget(dynamodb, "#heard", "frontier")
    answer = get("/v1/buckets/src/summary").json
    assert (answer["heard_until"], answer["reason"]) == (None, "nothing-heard-yet")
    assert answer["destinations"][0]["watermark"]["at"] == TRACKING_SINCE
    hear(dynamodb, seconds_ago=3_600)
    answer = get("/v1/buckets/src/summary").json
    mark = answer["destinations"][0]["watermark"]
    assert mark["at"] == answer["heard_until"]
    assert mark["lag_seconds"] >= 3_600
    assert (mark["complete"], answer["complete"]) == (True, False), "counts are of the present"
    assert answer["reason"] == "not-heard-yet"
    timeline = get("/v1/buckets/src/timeline", since=ago(60)).json
    assert (timeline["complete"], timeline["reason"]) == (False, "not-heard-yet")


def test_on_a_bucket_that_was_never_listed_the_watermark_goes_on_and_says_so(
    happen: Happen, dynamodb: "DynamoDBClient"
) -> None:
    forget(dynamodb, "#configuration#src", "~listed")
    answer = get("/v1/buckets/src/summary").json
    mark = answer["destinations"][0]["watermark"]
    assert (mark["complete"], mark["reason"]) == (False, "not-listed-before")
    assert "s3rt backfill" in mark["reason_detail"]
    assert mark["at"] == answer["heard_until"]
    assert (answer["complete"], answer["reason"]) == (False, "not-listed-before")
    assert get("/v1/buckets/src/timeline", since=ago(60)).json["complete"] is True


def test_a_summary_says_what_it_cannot_know(happen: Happen, dynamodb: "DynamoDBClient") -> None:
    for item in dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "#configuration#mirror"}},
    )["Items"]:
        dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    answer = get("/v1/buckets/mirror/summary").json
    assert answer["complete"] is False
    assert answer["reason"] == "rules-never-read"
    assert "mirror was never read" in answer["reason_detail"]


def test_a_young_tracker_claims_nothing_of_the_time_before_it(
    happen: Happen,
) -> None:
    hours = {"since": "2026-11-22T07:00:00Z", "until": "2026-11-22T11:00:00Z", "step": "1h"}
    answer = get("/v1/buckets/src/timeline", **hours).json
    assert answer["complete"] is False
    assert answer["reason"] == "not-tracked-yet"
    route = next(one for one in answer["destinations"] if one["destination"] == "dst-a")
    assert [one["created"] for one in route["intervals"]] == [None, None, 0, 0]


def test_a_timeline_has_every_interval_of_every_destination(happen: Happen) -> None:
    happen(
        life("done", 400, Kind.ARRIVED, 200),
        life("broken", 400, Kind.FAILED, 200),
        life("more", 200),
    )
    answer = get("/v1/buckets/src/timeline", since=ago(1_800), step="5m")
    assert answer.json["step"] == "5m"
    intervals = of(answer, "dst-a")["intervals"]
    assert len(intervals) in (6, 7)
    sums = {
        name: sum(o[name] or 0 for o in intervals) for name in ("created", "completed", "failed")
    }
    assert sums == {"created": 3, "completed": 1, "failed": 1}
    assert all(o["created"] in (0, None) for o in of(answer, "dst-b")["intervals"])


@pytest.mark.parametrize(
    ("seconds", "step"), [(600, "1m"), (7_000, "1m"), (35_000, "5m"), (86_400, "15m"), (9e6, "1d")]
)
def test_without_a_step_a_timeline_chooses_one(happen: Happen, seconds: float, step: str) -> None:
    assert get("/v1/buckets/src/timeline", since=ago(seconds)).json["step"] == step


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"since": "2026-11-22T10:00:00Z", "until": "2026-11-22T09:00:00Z"}, "until"),
        ({"since": "2026-01-01T00:00:00Z", "step": "1m"}, "step"),
        ({"since": "yesterday"}, "since"),
        ({"step": "2m"}, "step"),
        ({"bucket": "src"}, "bucket"),
    ],
)
def test_a_timeline_that_cannot_be_is_refused(
    happen: Happen, parameters: dict[str, str], name: str
) -> None:
    assert_problem(get("/v1/buckets/src/timeline", **parameters), 400, "invalid-parameter", name)


@pytest.mark.parametrize("view", ["summary", "timeline"])
def test_a_bucket_that_is_not_tracked_has_no_views(happen: Happen, view: str) -> None:
    assert_problem(get(f"/v1/buckets/other/{view}"), 404, "bucket-not-tracked", "bucket")
