"""Alarms cover every way in which events could get lost or late, and say what to do."""

import json
from typing import Any

import pytest

from tests.infra.conftest import SOURCES
from tests.infra.synthesized import SERVICES, Resource, Synthesized, synthesize


def alarms(stack: Synthesized) -> list[Resource]:
    return stack.of_type("AWS::CloudWatch::Alarm")


def watching(stack: Synthesized, metric: str, dimension: str, value: str) -> Resource:
    (found,) = (
        alarm
        for alarm in alarms(stack)
        if alarm.properties.get("MetricName") == metric
        and {"Name": dimension, "Value": value} in alarm["Dimensions"]
    )
    return found


def test_every_alarm_has_a_name_says_what_to_do_and_notifies_someone(stack: Synthesized) -> None:
    names = [alarm["AlarmName"] for alarm in alarms(stack)]
    assert names
    assert len(set(names)) == len(names)
    for alarm in alarms(stack):
        assert alarm["AlarmName"].startswith("S3ReplicationTracker-")
        assert len(alarm["AlarmDescription"]) > 60, "too short to say what to do"
        assert len(alarm["AlarmDescription"]) <= 1_024, "CloudWatch's limit"
        assert alarm["AlarmActions"] == [stack.incident_topic.arn]
        assert alarm["OKActions"] == [stack.incident_topic.arn]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_names_of_two_stages_do_not_collide(dev: Synthesized, prod: Synthesized) -> None:
    names = [{alarm["AlarmName"] for alarm in alarms(stack)} for stack in (dev, prod)]
    assert names[0].isdisjoint(names[1])


def test_one_dead_letter_is_enough(stack: Synthesized) -> None:
    for queue in stack.all_dead_letters:
        alarm = watching(
            stack, "ApproximateNumberOfMessagesVisible", "QueueName", f"{queue.id}.QueueName"
        )
        assert alarm["Threshold"] == 0
        assert alarm["EvaluationPeriods"] == 1


def test_a_ledger_behind_s3_alarms_after_a_quarter_of_an_hour(stack: Synthesized) -> None:
    name = f"{stack.ingest.id}.QueueName"
    alarm = watching(stack, "ApproximateAgeOfOldestMessage", "QueueName", name)
    assert alarm["Threshold"] == 900, "seconds"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_alarms_on(stack: Synthesized, service: str, metric: str) -> None:
    alarm = watching(stack, metric, "FunctionName", stack.function(service).id)
    assert alarm["Threshold"] == 0
    assert alarm["Statistic"] == "Sum"


def test_readers_of_the_stream_alarm_long_before_it_forgets(stack: Synthesized) -> None:
    assert stack.stream_readers
    for service in stack.stream_readers:
        alarm = watching(stack, "IteratorAge", "FunctionName", stack.function(service).id)
        assert alarm["Threshold"] == 900_000, "milliseconds"


def test_a_destination_behind_its_objective_alarms() -> None:
    stack = synthesize({"objective_minutes": "30"})
    alarm = watching(stack, "WatermarkLagSeconds", "service", "summarize")
    assert alarm["Threshold"] == 1_800
    assert "30 minutes" in alarm["AlarmDescription"]
    assert "/summary" in alarm["AlarmDescription"]


def test_counters_that_had_to_be_healed_alarm(stack: Synthesized) -> None:
    assert watching(stack, "recount_healed", "service", "summarize")["Threshold"] == 0


def test_a_tracker_that_went_deaf_alarms_and_names_the_doctor(dev: Synthesized) -> None:
    alarm = watching(dev, "Findings", "service", "summarize")
    assert alarm["Namespace"] == "S3ReplicationTracker/dev"
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 2)
    assert "`s3rt doctor`" in alarm["AlarmDescription"]


def test_throttled_writes_of_the_table_and_each_index_alarm(stack: Synthesized) -> None:
    throttled = {
        frozenset((one["Name"], one["Value"]) for one in alarm["Dimensions"])
        for alarm in alarms(stack)
        if alarm.properties.get("MetricName") == "WriteThrottleEvents"
    }
    table = ("TableName", stack.table.id)
    indexes = [one["IndexName"] for one in stack.table["GlobalSecondaryIndexes"]]
    assert throttled == {
        frozenset({table}),
        *(frozenset({table, ("GlobalSecondaryIndexName", name)}) for name in indexes),
    }


def widgets(stack: Synthesized) -> list[dict[str, Any]]:
    body = json.loads(stack.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    found: list[dict[str, Any]] = body["widgets"]
    return found


def test_the_dashboard_shows_every_queue_function_and_the_api(stack: Synthesized) -> None:
    text = json.dumps(widgets(stack))
    for queue in (stack.ingest, *stack.all_dead_letters):
        assert queue.id in text
    for service in SERVICES:
        assert stack.function(service).id in text
    assert "AWS/ApiGateway" in text


def searches(stack: Synthesized) -> list[str]:
    return [
        metric[0]["expression"]
        for widget in widgets(stack)
        for metric in widget["properties"].get("metrics", [])
        if isinstance(metric[0], dict)
    ]


@pytest.mark.parametrize(
    "metric",
    ["ReplicationLatency", "OperationsPendingReplication", "OperationsFailedReplication"],
)
def test_the_dashboard_shows_what_s3_says_of_every_source(dev: Synthesized, metric: str) -> None:
    (search,) = (one for one in searches(dev) if f'MetricName="{metric}"' in one)
    assert "{AWS/S3,SourceBucket,DestinationBucket,RuleId}" in search
    for bucket in SOURCES:
        assert f'"{bucket}"' in search


def test_many_sources_are_asked_for_in_searches_cloudwatch_takes(full: Synthesized) -> None:
    assert all(len(search) <= 1_024 for search in searches(full))
    for bucket in full.topology.sources:
        of_s3 = [search for search in searches(full) if "AWS/S3" in search]
        assert sum(f'"{bucket}"' in search for search in of_s3) == 3
        assert sum(f'"{bucket}"' in search for search in searches(full)) == 13


def test_the_dashboard_has_a_row_for_each_question_of_the_api(dev: Synthesized) -> None:
    titles = [one["properties"]["markdown"] for one in widgets(dev) if one["type"] == "text"]
    for route in ("/summary", "/objects?status=PENDING", "/v1/incidents", "/timeline", "/health"):
        assert sum(route in title for title in titles) == 1, route


@pytest.mark.parametrize(
    "metric",
    ["WatermarkLagSeconds", "LatencySeconds", "PendingVersions", "FailedVersions", "Completed"],
)
def test_the_dashboard_shows_what_the_tracker_says_beside_it(dev: Synthesized, metric: str) -> None:
    found = [one for one in searches(dev) if f'MetricName="{metric}"' in one]
    assert found
    schema = '{"S3ReplicationTracker/dev",SourceBucket,DestinationBucket}'
    assert all(schema in one for one in found)


def test_without_buckets_the_dashboard_asks_s3_nothing(empty: Synthesized) -> None:
    assert "AWS/S3" not in json.dumps(widgets(empty))
    assert widgets(empty)


def test_two_stages_in_one_account_share_no_metric(dev: Synthesized, prod: Synthesized) -> None:
    """What is not told apart by the name of a resource is told apart by its namespace."""

    def by_words(stack: Synthesized) -> set[str]:
        return {
            json.dumps([alarm.properties.get("Namespace"), alarm.properties.get("Dimensions")])
            for alarm in stack.of_type("AWS::CloudWatch::Alarm")
            if str(alarm["Namespace"]).startswith("S3ReplicationTracker")
            or alarm["Namespace"] == "AWS/ApiGateway"
        }

    assert len(by_words(dev)) >= 3
    assert not by_words(dev) & by_words(prod)
    apis = [stack.one("AWS::ApiGateway::RestApi")["Name"] for stack in (dev, prod)]
    assert apis == ["S3ReplicationTracker-dev", "S3ReplicationTracker-prod"]


def test_the_dashboard_of_each_region_has_a_name_of_its_own(stack: Synthesized) -> None:
    """An account has one list of names for all Regions."""
    assert str(stack.one("AWS::CloudWatch::Dashboard")["DashboardName"]).endswith("-REGION")


def test_the_console_is_that_of_the_partition(stack: Synthesized) -> None:
    (hosts,) = stack.template["Mappings"].values()
    assert {one["host"] for one in hosts.values()} == {
        "console.aws.amazon.com",
        "console.amazonaws.cn",
        "console.amazonaws-us-gov.com",
    }
