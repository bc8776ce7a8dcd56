"""Events are deployed only where they were asked for, and then with the least permissions."""

import json

import pytest

from infra.config import ContextError
from infra.options import event_statuses
from tests.infra.conftest import BUCKETS, SOURCES
from tests.infra.synthesized import Synthesized, synthesize
from tests.infra.test_grants import consumes, every_function, of_function, on


def test_without_statuses_there_is_nothing_of_it(stack: Synthesized) -> None:
    handlers = {one["Handler"] for one in stack.of_type("AWS::Lambda::Function")}
    assert "publish.handler.handler" not in handlers
    assert stack.of_type("AWS::Events::EventBus") == []
    assert "EventBusName" not in stack.outputs
    assert not [name for name in stack.variables("summarize") if name.startswith("EVENT_")]


def test_the_summarizer_hands_chosen_changes_to_the_publishers_queue(events: Synthesized) -> None:
    queue = events.by_arn(events.event_source("publish")["EventSourceArn"])
    given = events.variables("summarize")
    assert given["EVENT_QUEUE_URL"] == queue.id
    assert given["EVENT_STATUSES"] == "COMPLETED,FAILED"
    assert given["EVENT_BUCKETS"] == SOURCES[0]
    assert queue.arn in of_function(events, "summarize")["sqs:SendMessage"]
    assert events.stream_readers == ["announce", "summarize"], "no third reader"


def test_the_publisher_may_put_events_on_its_bus_alone(events: Synthesized) -> None:
    queue = events.by_arn(events.event_source("publish")["EventSourceArn"])
    bus = events.one("AWS::Events::EventBus")
    assert of_function(events, "publish") == {
        **every_function(events, "publish"),
        **consumes(queue),
        **on(bus.arn, "events:PutEvents"),
    }
    assert events.variables("publish")["EVENT_BUS_NAME"] == bus.id == events.outputs["EventBusName"]


def test_what_fails_is_tried_again_alone_and_kept_at_last(events: Synthesized) -> None:
    source = events.event_source("publish")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queue = events.by_arn(source["EventSourceArn"])
    assert queue["VisibilityTimeout"] >= 6 * events.function("publish")["Timeout"]
    letters = events.by_arn(queue["RedrivePolicy"]["deadLetterTargetArn"])
    assert letters["MessageRetentionPeriod"] == 14 * 86_400
    alarms = [json.dumps(one.properties) for one in events.of_type("AWS::CloudWatch::Alarm")]
    assert any(letters.id in one for one in alarms)


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"event_statuses": "DONE"}, "give some of PENDING, COMPLETED, FAILED, NONE"),
        ({"event_buckets": SOURCES[0]}, "name event_statuses as well"),
        ({"event_statuses": "FAILED", "event_buckets": "elsewhere"}, "is no source"),
    ],
)
def test_a_wrong_choice_is_refused_with_its_fix(context: dict[str, str], said: str) -> None:
    with pytest.raises(ContextError, match=said):
        synthesize({**BUCKETS, **context})


@pytest.mark.parametrize(
    ("raw", "found"),
    [([], ()), ("", ()), ("failed, PENDING", ("PENDING", "FAILED")), (["failed"], ("FAILED",))],
)
def test_statuses_are_text_or_a_list_and_perhaps_none(raw: object, found: tuple[str, ...]) -> None:
    assert event_statuses(raw) == found


def test_what_is_no_status_is_no_choice() -> None:
    with pytest.raises(ValueError, match="5: give some of"):
        event_statuses(5)
