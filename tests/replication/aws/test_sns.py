"""The topic takes what SNS allows in a call, and says exactly what did not go out."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from replication.aws import sns
from replication.aws.sns import FailureTopic, IncidentTopic
from replication.errors import Unavailable
from replication.published.sns_message import SnsMessage

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class MemorySNS:
    """PublishBatch that refuses what it is told to, and calls SNS would not take."""

    def __init__(self, faults: dict[str, Any] | None = None) -> None:
        self.faults = faults or {}
        self.published: list[str] = []
        self.calls = 0
        self._lock = threading.Lock()

    def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: Any) -> Any:  # noqa: N803
        entries = PublishBatchRequestEntries
        assert 1 <= len(entries) <= 10
        assert len({entry["Id"] for entry in entries}) == len(entries)
        assert sum(sns._size(entry) for entry in entries) <= 262_144
        successful, failed = [], []
        for entry in entries:
            fault = self.faults.get(entry["Subject"])
            if isinstance(fault, Exception):
                raise fault
            if fault is None:
                successful.append({"Id": entry["Id"], "MessageId": "m", "SequenceNumber": ""})
            elif fault != "forgotten":
                failed.append({"Id": entry["Id"], "Code": fault, "SenderFault": True})
        with self._lock:
            self.calls += 1
            by_id = {entry["Id"]: entry["Subject"] for entry in entries}
            self.published += [by_id[one["Id"]] for one in successful]
        return {"Successful": successful, "Failed": failed}


def topic(memory: MemorySNS) -> FailureTopic:
    return FailureTopic(cast("SNSClient", memory), "arn:aws:sns:us-east-1:1:failures")


def announcements(sizes: Sequence[int]) -> list[SnsMessage]:
    return [
        SnsMessage(str(number), {"text": "x" * size}, {"status": "FAILED"})
        for number, size in enumerate(sizes)
    ]


@given(st.lists(st.sampled_from([0, 100, 25_000, 60_000, 200_000]), max_size=40))
def test_everything_goes_out_once_whatever_its_size(sizes: list[int]) -> None:
    memory = MemorySNS()
    published = topic(memory).publish(announcements(sizes))
    assert not published.failed
    assert not published.refused
    assert sorted(memory.published, key=int) == [str(number) for number in range(len(sizes))]


def test_ten_go_in_a_call() -> None:
    memory = MemorySNS()
    topic(memory).publish(announcements([100] * 25))
    assert memory.calls == 3


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttled", "Message": ""}}, "PublishBatch"),
        ClientError({"Error": {"Code": "NotFound", "Message": ""}}, "PublishBatch"),
        ReadTimeoutError(endpoint_url="https://sns.example"),
    ],
)
def test_a_call_that_fails_fails_its_entries_and_no_others(error: Exception) -> None:
    memory = MemorySNS({"13": error})
    published = topic(memory).publish(announcements([100] * 25))
    assert published.failed == frozenset(range(10, 20))
    assert {int(one) for one in memory.published} == {*range(10), *range(20, 25)}


def test_one_entry_that_fails_fails_alone() -> None:
    memory = MemorySNS({"3": "InternalError", "4": "KMSAccessDenied", "11": "forgotten"})
    published = topic(memory).publish(announcements([100] * 15))
    assert published.failed == frozenset({3, 4, 11})
    assert published.refused == {}


def test_a_message_that_is_refused_for_what_it_is_will_not_be_tried_again() -> None:
    memory = MemorySNS({"3": "InvalidParameter"})
    published = topic(memory).publish(announcements([100] * 5))
    assert published.failed == frozenset()
    assert published.refused[3].startswith("InvalidParameter")


def test_nothing_to_publish_calls_nobody() -> None:
    memory = MemorySNS()
    topic(memory).publish([])
    assert memory.calls == 0


class Published:
    """Publish, which fails for the topics it is given."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.calls: list[dict[str, Any]] = []

    def publish(self, **call: Any) -> None:
        if call["TopicArn"] in self.failing:
            raise ClientError({"Error": {"Code": "NotFound", "Message": ""}}, "Publish")
        self.calls.append(call)


def incidents(client: Published) -> IncidentTopic:
    return IncidentTopic(cast("SNSClient", client), "incidents", "chat")


PLAIN = SnsMessage("s", {"text": "\u00fc \U0001f600"}, {"event": "opened"})


def test_programs_get_the_same_bytes_whether_there_is_a_mail_or_not() -> None:
    client = Published()
    for message in (PLAIN, replace(PLAIN, mail="Read this.\n")):
        incidents(client).publish(message)
    plain, structured = client.calls
    assert plain["Message"] == json.dumps(PLAIN.body)
    assert "MessageStructure" not in plain
    assert structured.pop("MessageStructure") == "json"
    by_protocol = json.loads(structured.pop("Message"))
    assert by_protocol == {"default": plain.pop("Message"), "email": "Read this.\n"}
    assert structured == plain


def test_a_chat_gets_its_own_json() -> None:
    client = Published()
    incidents(client).publish(replace(PLAIN, chat={"version": "1.0"}))
    assert [one["TopicArn"] for one in client.calls] == ["incidents", "chat"]
    assert client.calls[1] == {"TopicArn": "chat", "Message": '{"version": "1.0"}'}


def test_a_chat_that_is_gone_keeps_nothing_from_going_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Published("chat")
    incidents(client).publish(replace(PLAIN, chat={"version": "1.0"}))
    assert [one["TopicArn"] for one in client.calls] == ["incidents"]
    assert "the chat topic does not take s" in caplog.text


def test_an_incident_topic_that_fails_is_tried_again_with_its_chat() -> None:
    client = Published("incidents")
    with pytest.raises(Unavailable):
        incidents(client).publish(replace(PLAIN, chat={"version": "1.0"}))
    assert client.calls == []
