"""All object events of tracked buckets, and no others, are archived for a replay."""

import json

import pytest

from infra.config import MAX_BUCKETS
from tests.infra.conftest import BUCKETS, DESTINATIONS, SOURCES
from tests.infra.patterns import matches
from tests.infra.synthesized import Synthesized, synthesize
from tests.infra.test_ingest import api_call, object_event, rules

TYPE = "AWS::Events::Archive"
LONGEST_PATTERN = 4_096


def kept(stack: Synthesized, event: dict[str, object]) -> int:
    """How many archives keep the event."""
    return sum(matches(archive["EventPattern"], event) for archive in stack.of_type(TYPE))


@pytest.mark.parametrize("detail_type", ["Object Created", "Object Deleted", "Object Tags Added"])
def test_each_object_event_of_each_tracked_bucket_is_kept_once(
    dev: Synthesized, detail_type: str
) -> None:
    for bucket in {*SOURCES, *DESTINATIONS}:
        assert kept(dev, object_event(detail_type, bucket)) == 1, bucket


def test_nothing_else_is_kept(dev: Synthesized) -> None:
    assert kept(dev, object_event("Object Created", "orders-2")) == 0
    assert kept(dev, object_event("Object Access Tier Changed", SOURCES[0])) == 0
    assert kept(dev, api_call("PutBucketReplication", SOURCES[0])) == 0, "the rules are read again"


def test_the_archive_is_of_the_bus_that_s3_sends_to_and_forgets(dev: Synthesized) -> None:
    (archive,) = dev.of_type(TYPE)
    assert archive["SourceArn"] == "arn:aws:events:REGION:ACCOUNT:event-bus/default"
    assert archive["RetentionDays"] == 14


def test_the_outputs_name_the_archives_and_the_rules_a_replay_may_reach(dev: Synthesized) -> None:
    assert dev.outputs["ArchiveArns"].split(",") == [one.arn for one in dev.of_type(TYPE)]
    event = object_event("Object Created", SOURCES[0])
    fed = [rule.arn for rule in rules(dev) if matches(rule["EventPattern"], event)]
    assert dev.outputs["ArchivedRuleArns"].split(",") == fed


def test_the_largest_context_is_kept_whole_and_within_the_limits_of_aws(full: Synthesized) -> None:
    names = full.topology.sources
    assert len(names) == MAX_BUCKETS // 2
    assert all(kept(full, object_event("Object Created", name)) == 1 for name in names)
    archives = full.of_type(TYPE)
    assert len(full.outputs["ArchiveArns"].split(",")) == len(archives) > 1
    for archive in archives:
        assert len(json.dumps(archive["EventPattern"])) <= LONGEST_PATTERN


def test_no_days_and_no_buckets_mean_no_archive(empty: Synthesized) -> None:
    for stack in (empty, synthesize({**BUCKETS, "archive_days": "0"})):
        assert stack.of_type(TYPE) == []
        assert not {"ArchiveArns", "ArchivedRuleArns"} & set(stack.outputs)
