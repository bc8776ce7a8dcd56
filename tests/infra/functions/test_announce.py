"""The filter passes exactly the FAILED items of the stream, and none of them gets lost."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.infra.patterns import matches
from tests.infra.synthesized import Synthesized

STATUSES = ("PENDING", "COMPLETED", "FAILED")


def patterns(stack: Synthesized) -> list[dict[str, Any]]:
    filters = stack.event_source("announce")["FilterCriteria"]["Filters"]
    return [json.loads(one["Pattern"]) for one in filters]


def image(status: str | None) -> dict[str, Any]:
    item: dict[str, Any] = {"pk": {"S": "o#bucket#key"}, "sk": {"S": "v#destination"}}
    return item if status is None else {**item, "status": {"S": status}}


def record(name: str, *, old: Any = None, new: Any = None) -> dict[str, Any]:
    """A stream record; an image that does not exist is left out, as DynamoDB does."""
    images = {"OldImage": old, "NewImage": new}
    return {
        "eventName": name,
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": {"pk": {"S": "o#bucket#key"}, "sk": {"S": "v#destination"}},
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            **{name: one for name, one in images.items() if one is not None},
        },
    }


def passes(stack: Synthesized, event: dict[str, Any]) -> bool:
    return any(matches(pattern, event) for pattern in patterns(stack))


def test_a_version_whose_first_status_is_failed_is_announced(dev: Synthesized) -> None:
    assert passes(dev, record("INSERT", new=image("FAILED")))


@pytest.mark.parametrize("before", ["PENDING", "COMPLETED"])
def test_a_version_that_becomes_failed_is_announced(dev: Synthesized, before: str) -> None:
    assert passes(dev, record("MODIFY", old=image(before), new=image("FAILED")))


def test_an_item_that_had_no_status_and_is_failed_now_is_announced(dev: Synthesized) -> None:
    assert passes(dev, record("MODIFY", old=image(None), new=image("FAILED")))


def test_another_fact_on_a_failed_version_passes(dev: Synthesized) -> None:
    """It may be another failure, which only the facts show."""
    assert passes(dev, record("MODIFY", old=image("FAILED"), new=image("FAILED")))


def test_an_item_that_is_removed_is_not_announced(dev: Synthesized) -> None:
    assert not passes(dev, record("REMOVE", old=image("FAILED")))


def test_configuration_items_are_not_announced(dev: Synthesized) -> None:
    assert not passes(dev, record("INSERT", new=image(None)))
    assert not passes(dev, record("MODIFY", old=image(None), new=image(None)))


@given(history=st.lists(st.sampled_from(STATUSES), min_size=1, max_size=12))
def test_no_failure_of_a_history_is_held_back(dev: Synthesized, history: list[str]) -> None:
    stream = [record("INSERT", new=image(history[0]))]
    for before, after in pairwise(history):
        stream.append(record("MODIFY", old=image(before), new=image(after)))
    assert [passes(dev, event) for event in stream] == [one == "FAILED" for one in history]


def test_a_failing_announcement_is_retried_alone_and_kept_in_the_end(stack: Synthesized) -> None:
    source = stack.event_source("announce")
    assert source["EventSourceArn"] == f"{stack.table.id}.StreamArn"
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    # No limit but the record's age, and that before the stream itself forgets it.
    assert source.properties.get("MaximumRetryAttempts", -1) == -1
    assert 20 * 3_600 <= source["MaximumRecordAgeInSeconds"] < 24 * 3_600


def test_its_dead_letters_are_its_own(stack: Synthesized) -> None:
    assert stack.dead_letters("announce").type == "AWS::SQS::Queue"
    assert stack.dead_letters("announce").id != stack.ingest_dead_letters.id
