"""summarize is invoked for every change of an object version and for nothing it writes itself."""

import json
from typing import Any

import pytest

from replication.aws.table import fence_item
from summarize.recount import FENCE_CHECKS
from summarize.wiring import REST_SECONDS
from tests.infra.functions.test_announce import image, record
from tests.infra.patterns import matches
from tests.infra.synthesized import Synthesized, synthesize

VIEW = {"pk": {"S": "#totals#bucket#0"}, "sk": {"S": "dst#rule"}, "PENDING": {"N": "1"}}


def passes(stack: Synthesized, event: dict[str, Any]) -> bool:
    filters = stack.event_source("summarize")["FilterCriteria"]["Filters"]
    return any(matches(json.loads(one["Pattern"]), event) for one in filters)


@pytest.mark.parametrize("status", ["PENDING", "COMPLETED", "FAILED"])
def test_every_change_of_an_object_version_is_counted(dev: Synthesized, status: str) -> None:
    assert passes(dev, record("INSERT", new=image(status)))
    assert passes(dev, record("MODIFY", old=image("PENDING"), new=image(status)))
    assert passes(dev, record("MODIFY", old=image(None), new=image(status)))
    assert passes(dev, record("MODIFY", old=image(status), new=image(None)))
    assert passes(dev, record("REMOVE", old=image(status)))


def test_a_version_without_a_status_is_counted_as_long_as_it_is_in_doubt(dev: Synthesized) -> None:
    doubtful = {**image(None), "in_doubt": {"BOOL": True}}
    assert passes(dev, record("INSERT", new=doubtful))
    assert passes(dev, record("MODIFY", old=doubtful, new=image(None)))
    assert passes(dev, record("MODIFY", old=image(None), new=doubtful))
    assert passes(dev, record("REMOVE", old=doubtful))
    assert not passes(dev, record("INSERT", new=image(None)))


def test_a_mapping_takes_five_filters(dev: Synthesized) -> None:
    assert len(dev.event_source("summarize")["FilterCriteria"]["Filters"]) <= 5


def test_what_it_writes_itself_does_not_pass(dev: Synthesized) -> None:
    assert not passes(dev, record("INSERT", new=VIEW))
    assert not passes(dev, record("MODIFY", old=VIEW, new=VIEW))
    assert not passes(dev, record("REMOVE", old=VIEW))


def test_a_fence_passes_and_the_note_that_it_was_reached_does_not(dev: Synthesized) -> None:
    fence = {"pk": {"S": "#fence#7"}, "sk": {"S": "fence"}, "token": {"S": "t"}}
    standing = {**fence, "status": {"S": fence_item.STATUS}}
    passed = {**fence, "pk": {"S": "#fenced#7"}}
    assert passes(dev, record("INSERT", new=standing))
    assert passes(dev, record("MODIFY", old=standing, new={**standing, "token": {"S": "u"}}))
    assert not passes(dev, record("INSERT", new=passed))
    announced = dev.event_source("announce")["FilterCriteria"]["Filters"]
    for one in announced:
        assert not matches(json.loads(one["Pattern"]), record("INSERT", new=standing))


def test_a_batch_is_large_names_its_shard_and_is_kept_when_it_fails(stack: Synthesized) -> None:
    source = stack.event_source("summarize")
    assert source["EventSourceArn"] == f"{stack.table.id}.StreamArn"
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["BatchSize"] == 1_000
    assert source["TumblingWindowInSeconds"] > 0, "without it no event names its shard"
    assert source.properties.get("ParallelizationFactor", 1) == 1, "a shard's order is relied on"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert 20 * 3_600 <= source["MaximumRecordAgeInSeconds"] < 24 * 3_600
    queue = stack.dead_letters("summarize")
    assert queue.type == "AWS::SQS::Queue"
    assert queue.id != stack.dead_letters("announce").id


def test_the_stream_has_no_more_consumers_than_it_bears(stack: Synthesized) -> None:
    assert stack.stream_readers == ["announce", "summarize"]


def test_schedules_ask_for_measures_and_for_a_recount(dev: Synthesized) -> None:
    function = dev.function("summarize").arn
    tasks = {
        json.loads(target["Input"])["task"]: rule["ScheduleExpression"]
        for rule in dev.of_type("AWS::Events::Rule")
        for target in rule["Targets"]
        if target["Arn"] == function
    }
    assert tasks == {"measure": "rate(1 minute)", "recount": "rate(1 day)"}


def test_benign_keys_of_the_context_reach_the_function() -> None:
    stack = synthesize({"benign_keys": "*.tflock,tmp/*"})
    assert stack.variables("summarize")["BENIGN_KEYS"] == "*.tflock,tmp/*"


@pytest.mark.parametrize("seconds", [5, 30, 60])
def test_changes_are_gathered_as_long_as_the_context_says(seconds: int) -> None:
    context = {} if seconds == 5 else {"counter_seconds": str(seconds)}
    source = synthesize(context).event_source("summarize")
    assert source["MaximumBatchingWindowInSeconds"] == seconds
    assert source["MaximumBatchingWindowInSeconds"] <= source["TumblingWindowInSeconds"]
    assert source["MaximumBatchingWindowInSeconds"] + REST_SECONDS <= FENCE_CHECKS * REST_SECONDS
