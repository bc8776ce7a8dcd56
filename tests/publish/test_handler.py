"""The publish function as Lambda calls it, over a bus of our own."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from publish import handler as module
from publish.wiring import service
from replication.aws.event_bus import BYTES_A_CALL, EventBus
from replication.settings import MissingSettings, event_bus_name, event_settings
from tests.support.handlers import CONTEXT, records

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_events import EventBridgeClient


class Bus:
    """PutEvents with its limits. `refused`: details that it never takes; `faults`: errors of the
    next calls, None for a call that works; `once`: details that it refuses the first time."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.once: set[str] = set()
        self.faults: list[Exception | None] = []
        self.calls: list[list[str]] = []
        self.taken: list[dict[str, Any]] = []

    def put_events(self, *, Entries: Sequence[Any]) -> Any:  # noqa: N803
        assert 1 <= len(Entries) <= 10
        texts = [one[name] for one in Entries for name in ("Source", "DetailType", "Detail")]
        assert sum(len(text.encode()) for text in texts) <= 262_144
        self.calls.append([one["Detail"] for one in Entries])
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            raise fault
        results = [self._result(one) for one in Entries]
        failed = sum("ErrorCode" in one for one in results)
        return {"FailedEntryCount": failed, "Entries": results}

    def _result(self, entry: Any) -> Any:
        detail = entry["Detail"]
        if detail in self.refused or detail in self.once:
            self.once.discard(detail)
            return {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
        self.taken.append(entry)
        return {"EventId": f"id-{len(self.taken)}"}


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    found = Bus()
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "S3ReplicationTracker")
    monkeypatch.setattr(module.metrics.provider, "namespace", "S3ReplicationTracker")
    made = EventBus(cast("EventBridgeClient", found), "the-bus", lambda _: None)
    monkeypatch.setattr(module, "service", lambda: made)
    return found


def publish(*bodies: str) -> list[str]:
    """The messages that come again."""
    answer = module.handler(records(*bodies), cast("LambdaContext", CONTEXT))
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def test_ten_events_a_call_reach_the_bus_as_they_are(bus: Bus) -> None:
    bodies = [json.dumps({"n": number}) for number in range(25)]
    assert publish(*bodies) == []
    assert [len(call) for call in bus.calls] == [10, 10, 5]
    assert [one["Detail"] for one in bus.taken] == bodies
    assert {one["EventBusName"] for one in bus.taken} == {"the-bus"}
    assert {(one["Source"], one["DetailType"]) for one in bus.taken} == {
        ("s3-replication-tracker", "Replication Status Changed")
    }


def test_only_entries_that_failed_are_tried_again(bus: Bus) -> None:
    bus.once = {"3", "7"}
    assert publish(*(str(number) for number in range(10))) == []
    assert [len(call) for call in bus.calls] == [10, 2]
    assert len(bus.taken) == 10, "none twice"


def test_what_fails_every_time_goes_back_to_the_queue_alone(bus: Bus) -> None:
    bus.refused = {"3", "17"}
    assert publish(*(str(number) for number in range(20))) == ["m3", "m17"]
    assert [len(call) for call in bus.calls] == [10, 10, 2, 2]
    assert len(bus.taken) == 18


def test_a_call_that_fails_is_tried_again(bus: Bus) -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "PutEvents")
    bus.faults = [EndpointConnectionError(endpoint_url="there"), None]
    assert publish("a", "b") == []
    bus.faults = [denied] * 3
    assert publish("a", "b") == ["m0", "m1"]


def test_large_events_share_a_call_as_far_as_its_bytes_go(bus: Bus) -> None:
    large = json.dumps("x" * (BYTES_A_CALL // 3))
    assert publish(*[large] * 5) == []
    assert [len(call) for call in bus.calls] == [2, 2, 1]


def test_settings_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENT_BUS_NAME", raising=False)
    service.cache_clear()
    with pytest.raises(MissingSettings, match="EVENT_BUS_NAME"):
        service()
    assert event_bus_name({"EVENT_BUS_NAME": "b"}) == "b"
    assert event_settings({}) is None
    found = event_settings({"EVENT_QUEUE_URL": "q", "EVENT_STATUSES": "FAILED,NONE"})
    assert found is not None
    assert found.queue_url == "q"
    assert found.statuses == {"FAILED", "NONE"}
    assert found.buckets == frozenset()
