"""`/v1/doctor`: what the ledger knows to be in the tracker's way."""

import os
from typing import TYPE_CHECKING, Any

import pytest

from query.wiring import service
from replication.aws.clients import client
from replication.aws.table.findings import FindingsTable
from replication.errors import Denied
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.s3.bucket_setup import Setup
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.times import Instant
from tests.query.conftest import DESTINATIONS, TABLE, configure, forget, get, hear
from tests.query.happening import Happen, ago, happen
from tests.support.seeds import version
from tests.support.topology import topology_file

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["happen"]

NOW = Instant("2026-11-22T10:00:00.000Z")


def test_findings_of_rules_and_of_refused_reads_are_listed(dynamodb: "DynamoDBClient") -> None:
    configure(dynamodb, "src", "dst-a", "elsewhere")
    FindingsTable(dynamodb, TABLE).note(Denied("s3:GetObjectVersion", "dst-a"), NOW)
    deaf = Setup(versioning=None, eventbridge=False, replication_events=True, kms=False)
    FindingsTable(dynamodb, TABLE).note_setup("src", deaf, NOW)
    answer = get("/v1/doctor")
    assert answer.status == 200, answer.text
    found = {(one["bucket"], one["check"], one["observed_at"]) for one in answer.json["items"]}
    assert ("dst-a", "access", NOW) in found
    assert ("src", "destination", None) in found
    assert {("src", "versioning", NOW), ("src", "eventbridge", NOW)} <= found
    assert all(one["fix"] for one in answer.json["items"])


def test_a_destination_that_went_silent_is_found_and_a_quiet_one_is_not(
    dynamodb: "DynamoDBClient", happen: Happen
) -> None:
    def written(destination: str, then: Kind, **more: Any) -> None:
        for number in range(3):
            key = version(f"{destination}/{number}")
            facts = [
                Fact(kind, key, destination, ago(seconds), evidence, f"{kind}", **fields)
                for kind, seconds, evidence, fields in (
                    (Kind.REQUESTED, 1_000, Evidence.OBJECT_CREATED, {"sequencer": "00AA"}),
                    (then, 60, Evidence.HEAD_SOURCE, more),
                )
            ]
            happen([LedgerItem(key, destination, fold(facts[:n])) for n in (1, 2)])

    def silent() -> set[str]:
        return {
            one["bucket"] for one in get("/v1/doctor").json["items"] if one["check"] == "events"
        }

    written("dst-b", Kind.OBSERVED, status=Status.PENDING)
    assert silent() == set()
    written("dst-a", Kind.OBSERVED, status=Status.COMPLETED)
    assert silent() == {"dst-a"}
    forget(dynamodb, "#heard", "frontier")
    hear(dynamodb, seconds_ago=3_600)
    assert silent() == set(), "the events may be in the queue"


@pytest.mark.usefixtures("dynamodb")
def test_a_configuration_that_was_never_read_is_an_error_and_incomplete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOPOLOGY_FILE", topology_file("never-read", DESTINATIONS))
    service.cache_clear()
    answer = get("/v1/doctor").json
    assert {one["check"] for one in answer["items"]} == {"configuration"}
    assert answer["complete"] is False


def test_addresses_that_are_not_subscribed_and_a_chat_without_a_channel_are_found(
    dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(dynamodb, "src", *DESTINATIONS.split(","))
    sns = client("sns")
    incidents = os.environ["INCIDENT_TOPIC_ARN"]
    chat = sns.create_topic(Name="chat")["TopicArn"]
    monkeypatch.setenv("NOTIFY_EMAILS", "A@example.com,b@example.com")
    monkeypatch.setenv("CHAT_TOPIC_ARN", chat)
    service.cache_clear()
    sns.subscribe(TopicArn=incidents, Protocol="email", Endpoint="a@example.com")

    def found() -> list[str]:
        answer = get("/v1/doctor").json
        assert answer["complete"] is True
        items = [one for one in answer["items"] if one["bucket"] is None]
        assert {one["check"] for one in items} <= {"notifications-to-people"}
        assert {one["severity"] for one in items} <= {"warning"}
        return [one["finding"] for one in items]

    missing, silent = found()
    assert missing.startswith("b@example.com is in notify_emails and not subscribed")
    assert silent.startswith("No chat channel is connected")
    sns.subscribe(TopicArn=incidents, Protocol="email", Endpoint="b@example.com")
    sns.subscribe(TopicArn=chat, Protocol="https", Endpoint="https://chat.example.com/")
    assert found() == []


@pytest.mark.usefixtures("dynamodb")
def test_where_sns_does_not_answer_the_findings_are_incomplete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INCIDENT_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:gone")
    service.cache_clear()
    answer = get("/v1/doctor")
    assert answer.status == 200
    assert answer.json["complete"] is False
