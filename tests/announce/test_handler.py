"""The stream's records become messages; what did not go out is asked for again, nothing else."""

import json
from typing import Any

import pytest

from announce.handler import handler
from announce.wiring import service
from replication.aws.sns import FailureTopic, Published
from tests.announce.conftest import CONTEXT, Topic, record
from tests.support.seeds import arrived, failed, requested, stored, version

PENDING = stored(requested())
FAILED = stored(requested(), failed(3))


def announce(*records: dict[str, Any]) -> list[str]:
    """The sequence numbers the function asks for again."""
    answer = handler({"Records": list(records)}, CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def metrics_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The metrics of the last call, as they are printed for CloudWatch to find."""
    printed: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return printed


def a_failure(number: int) -> dict[str, Any]:
    return record(number, stored(requested(), failed(3), of=version(f"k{number}")))


def test_a_failure_reaches_the_subscribers(topic: Topic) -> None:
    assert announce(record(1, FAILED, PENDING)) == []
    (message,) = topic.read()
    assert message["TopicArn"] == topic.arn
    assert message["Subject"].startswith("S3 replication failed: src to dst-a")
    assert json.loads(message["Message"])["event_id"].startswith("edge-")
    assert message["MessageAttributes"]["failure_code"] == {
        "Type": "String",
        "Value": "DstPutObjectNotPermitted",
    }


def test_what_is_no_new_failure_is_not_announced(topic: Topic) -> None:
    noise = [
        record(1, PENDING),
        record(2, FAILED, FAILED),
        record(3, stored(requested(), failed(3), arrived(4)), FAILED),
        record(4, None, FAILED),
    ]
    assert announce(*noise) == []
    assert topic.read() == []


def test_a_batch_of_many_goes_out_completely(topic: Topic) -> None:
    assert announce(*(a_failure(number) for number in range(47))) == []
    keys = {json.loads(message["Message"])["key"] for message in topic.read()}
    assert keys == {f"k{number}" for number in range(47)}


def test_the_first_that_did_not_go_out_is_asked_for_again(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Published(frozenset({5, 2}), {})
    monkeypatch.setattr(FailureTopic, "publish", lambda *_: published)
    noise = record(100, PENDING)
    assert announce(noise, *(a_failure(number) for number in range(101, 110))) == ["103"]


def test_a_topic_that_is_away_leaves_everything_to_be_asked_for_again(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILURE_TOPIC_ARN", topic.arn + "-gone")
    service.cache_clear()
    assert announce(a_failure(7), a_failure(8)) == ["7"]


def test_a_record_nobody_can_read_does_not_hold_up_its_shard(
    topic: Topic, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    foreign = record(2, FAILED)
    foreign["dynamodb"]["NewImage"] = {"status": {"S": "FAILED"}, "pk": {"S": "?"}}
    assert announce(a_failure(1), foreign, a_failure(3)) == []
    assert len(topic.read()) == 2
    (logged,) = caplog.records
    assert (logged.message, logged.levelname) == ("Unreadable item", "ERROR")
    assert vars(logged)["number"] == "2"
    assert vars(logged)["keys"] == foreign["dynamodb"]["Keys"]
    assert metrics_of(capsys)["UnreadableItems"] == [1.0]


def test_a_message_sns_refuses_for_good_is_logged_whole_and_not_asked_for_again(
    topic: Topic,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(
        FailureTopic, "publish", lambda *_: Published(frozenset(), {0: "InvalidParameter: no"})
    )
    assert announce(a_failure(1)) == []
    (logged,) = caplog.records
    assert (logged.message, logged.levelname) == ("SNS refuses a message", "ERROR")
    assert vars(logged)["body"]["key"] == "k1"
    assert metrics_of(capsys)["AnnouncementsRefused"] == [1.0]


def test_what_went_out_is_counted(topic: Topic, capsys: pytest.CaptureFixture[str]) -> None:
    announce(a_failure(1), a_failure(2))
    metrics = metrics_of(capsys)
    assert metrics["Announcements"] == [2.0]
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "S3ReplicationTracker"


def test_an_empty_batch_is_nothing_to_do(topic: Topic) -> None:
    assert announce() == []
