"""Redrives as the API shows them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from query.redrives import schemas
from replication.aws.clients import client
from replication.aws.table.redrives import RedriveTable
from replication.ledger.fact import Kind
from replication.published.automatic import AutoRule, RuleNote
from replication.published.redrive import (
    Job,
    JobState,
    Named,
    Redrive,
    RedriveState,
    Refusal,
    Selection,
    Share,
    Written,
)
from replication.times import Instant
from tests.query.conftest import TABLE, assert_problem, get
from tests.query.forged import forged
from tests.query.happening import Happen, happen, life

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["happen"]

NOW = Instant("2026-11-22T09:00:00.000Z")
JOB = Job("src", 2, 20, 0, (Written("dst-a", 2, 20),), "m.csv", "etag")
SAMPLE = (Named("src", "k", "v"),)


def save(dynamodb: "DynamoDBClient", redrive_id: str, **more: object) -> None:
    made = Redrive(redrive_id, NOW, "arn:me", Selection(bucket="src"))
    RedriveTable(dynamodb, TABLE).save(replace(made, **more), 0, NOW)  # type: ignore[arg-type]


def test_none_is_an_empty_list(dynamodb: "DynamoDBClient") -> None:
    assert get("/v1/redrives").json == {"items": [], "next_cursor": None, "complete": True}


def test_they_are_listed_and_found(dynamodb: "DynamoDBClient") -> None:
    save(dynamodb, "r1", refusal=Refusal("nothing-to-do", "None."), state=RedriveState.REFUSED)
    failures = (Share("DstKmsKeyNotFound", 1, SAMPLE), Share("", 1))
    save(
        dynamodb,
        "r2",
        jobs=(replace(JOB, failures=failures, job_id="j"),),
        left_out=(Share("gone", 1, SAMPLE),),
        state=RedriveState.RUNNING,
        started_at=NOW,
    )
    items = get("/v1/redrives").json["items"]
    assert [one["id"] for one in items] == ["r2", "r1"]
    found = get("/v1/redrives/r2").json
    assert found == items[0]
    schemas.Redrive.model_validate(found)
    assert found["jobs"][0]["failures"][0]["failure"]["code"] == "DstKmsKeyNotFound"
    assert found["jobs"][0]["failures"][1]["failure"]["code"] is None
    assert found["left_out"][0]["explanation"]
    assert (items[1]["versions"], items[1]["estimated_cost_usd"]) == (None, None)


def test_a_size_that_is_not_known_is_null_and_not_0(dynamodb: "DynamoDBClient") -> None:
    save(dynamodb, "r1", jobs=(replace(JOB, unsized=1),), state=RedriveState.PLANNED)
    found = get("/v1/redrives/r1").json
    assert found["bytes"] is None
    assert found["destinations"][0]["bytes"] is None
    assert found["estimated_cost_usd"]["total"] is None
    assert found["estimated_cost_usd"]["jobs"] == 0.25


def test_a_plan_whose_time_is_over_is_expired(dynamodb: "DynamoDBClient") -> None:
    save(dynamodb, "r1", jobs=(JOB,), state=RedriveState.PLANNED, expires_at=NOW)
    assert get("/v1/redrives/r1").json["state"] == "expired"


def test_pages(dynamodb: "DynamoDBClient") -> None:
    for number in range(3):
        save(dynamodb, f"r{number}")
    first = get("/v1/redrives", limit=2).json
    second = get("/v1/redrives", limit=2, cursor=first["next_cursor"]).json
    assert [one["id"] for one in (*first["items"], *second["items"])] == ["r2", "r1", "r0"]
    assert second["next_cursor"] is None


def test_bad_input(dynamodb: "DynamoDBClient") -> None:
    assert_problem(get("/v1/redrives/none"), 404, "no-such-redrive", "redrive_id")
    assert_problem(get("/v1/redrives", cursor="x"), 400, "invalid-cursor", "cursor")
    other = forged(b'[""]', {"list": "redrives"})
    assert_problem(get("/v1/redrives", cursor=other), 400, "invalid-cursor", "cursor")


def test_the_doctor_says_which_rule_of_automatic_redrives_stopped(happen: Happen) -> None:
    happen(life("broken", 100, Kind.FAILED, 50))
    (incident,) = get("/v1/incidents").json["items"]
    table = RedriveTable(client("dynamodb"), TABLE)
    rule = AutoRule("src", "dst-a", incident["failure"]["code"])
    done = replace(JOB, succeeded=0, failed=2, state=JobState.DONE)
    ended = {"state": RedriveState.COMPLETED, "started_at": NOW, "ended_at": NOW}
    made = Redrive("r1", NOW, "automatic", Selection(), why=rule.text, jobs=(done,), **ended)  # type: ignore[arg-type]
    table.save(made, 0, NOW)
    table.save_note(RuleNote(rule, "r1", incident["id"]), NOW)
    found = [one for one in get("/v1/doctor").json["items"] if one["check"] == "redrive"]
    assert [one["bucket"] for one in found] == ["src"]
    assert rule.text in found[0]["finding"]
    table.save_note(RuleNote(rule, "r1", "resolved-long-ago"), NOW)
    assert not [one for one in get("/v1/doctor").json["items"] if one["check"] == "redrive"]
