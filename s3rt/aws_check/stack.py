"""Checks of the deployed stack, which only read: 8, 9, 10 and 11."""

from datetime import UTC, datetime, timedelta
from typing import Any

from s3rt.aws_check.lab import Lab
from s3rt.aws_check.observation import Result, differs, holds, not_checked
from s3rt.outputs import NoStack

GO_ON = frozenset({"reconcile", "backfill", "redrive"})
"""The functions that send what is left of their work to their own queues."""
HOURS = 3
_DAYS = 14
_MOST_METRICS = 20
_DONE, _FAILED = "Successfully executed action", "Failed to execute action"


def recursive_loops(lab: Lab) -> Result:
    """8: the setting."""
    client = lab.account.client("lambda")
    functions = _functions(lab)
    allowed = {
        service
        for service, one in functions.items()
        if client.get_function_recursion_config(FunctionName=one["FunctionName"])["RecursiveLoop"]
        == "Allow"
    }
    seen = f"RecursiveLoop is Allow for {', '.join(sorted(allowed)) or 'no function'}"
    return holds(seen) if allowed == GO_ON & functions.keys() else differs(seen)


def latencies(lab: Lab) -> Result:
    """9"""
    cloudwatch = lab.account.client("cloudwatch")
    namespace = _variables(_functions(lab)["summarize"])["POWERTOOLS_METRICS_NAMESPACE"]
    metrics = cloudwatch.list_metrics(
        Namespace=namespace, MetricName="LatencySeconds", RecentlyActive="PT3H"
    )["Metrics"]
    for metric in metrics[:_MOST_METRICS]:
        asked = {
            "Namespace": namespace,
            "MetricName": "LatencySeconds",
            "Dimensions": metric["Dimensions"],
        }
        points = _statistics(lab, **asked, Statistics=["Maximum", "SampleCount"])
        if not points:
            continue
        shares = _statistics(lab, **asked, ExtendedStatistics=["p50", "p90"])
        found = {name for one in shares for name in one.get("ExtendedStatistics", {})}
        count = sum(one["SampleCount"] for one in points)
        highest = max(one["Maximum"] for one in points)
        seen = f"{count:.0f} arrivals, maximum {highest:.1f} s, percentiles {sorted(found)}"
        return holds(seen) if count and found == {"p50", "p90"} else differs(seen)
    return not_checked(
        f"no LatencySeconds in {namespace} in the last {HOURS} hours; replicate an object, and run"
        " this again ten minutes later"
    )


def last_call(lab: Lab) -> Result:
    """10: by the errors of the function, whose log does not name the records of a call."""
    dimensions = [{"Name": "FunctionName", "Value": _functions(lab)["summarize"]["FunctionName"]}]
    invocations, errors = (
        sum(
            one["Sum"]
            for one in _statistics(
                lab,
                Namespace="AWS/Lambda",
                MetricName=name,
                Dimensions=dimensions,
                Statistics=["Sum"],
            )
        )
        for name in ("Invocations", "Errors")
    )
    if not invocations:
        return not_checked(f"the summarize function did not run in the last {HOURS} hours")
    seen = f"{invocations:.0f} invocations of summarize, {errors:.0f} errors"
    return differs(seen) if errors else holds(seen)


def alarms(lab: Lab) -> Result:
    """11: by what became of the alarms' actions."""
    topic = lab.account.output("IncidentTopicArn")
    cloudwatch = lab.account.client("cloudwatch")
    ours = [
        one["AlarmName"]
        for page in cloudwatch.get_paginator("describe_alarms").paginate()
        for one in page["MetricAlarms"]
        if topic in one["AlarmActions"]
    ]
    since = datetime.now(UTC) - timedelta(days=_DAYS)
    history = [
        item["HistorySummary"]
        for name in ours
        for item in cloudwatch.describe_alarm_history(
            AlarmName=name, HistoryItemType="Action", StartDate=since
        )["AlarmHistoryItems"]
    ]
    failed = [one for one in history if one.startswith(_FAILED)]
    done = [one for one in history if one.startswith(_DONE)]
    if failed:
        return differs(f"{len(failed)} of {len(history)} actions failed, such as: {failed[0]}")
    if done:
        return holds(f"{len(done)} actions of {len(ours)} alarms in {_DAYS} days, none failed")
    return not_checked(
        f"none of the {len(ours)} alarms rang in {_DAYS} days; set one by hand:"
        " aws cloudwatch set-alarm-state --state-value ALARM --state-reason test --alarm-name "
        + (ours[0] if ours else "...")
    )


def replayed_events(lab: Lab) -> Result:
    """6"""
    lab.account.output("TableName")
    return not_checked(
        "a replay works on the deployed tracker, and takes as long as there are events; note"
        " `s3rt history` of an object, run s3rt replay-archive --since 1h, and compare"
    )


def _functions(lab: Lab) -> dict[str, Any]:
    """The functions of the stack by the name of their folder. NoStack when there are none."""
    table = lab.account.output("TableName")
    found = {
        one["Handler"].partition(".")[0]: one
        for page in lab.account.client("lambda").get_paginator("list_functions").paginate()
        for one in page["Functions"]
        if _variables(one).get("TABLE_NAME") == table
    }
    if not found:
        raise NoStack(f"no function in {lab.account.region} has the table {table}")
    return found


def _variables(function: Any) -> dict[str, str]:
    found: dict[str, str] = function.get("Environment", {}).get("Variables", {})
    return found


def _statistics(lab: Lab, **asked: Any) -> list[Any]:
    """Datapoints of a metric in the last hours."""
    now = datetime.now(UTC)
    answer = lab.account.client("cloudwatch").get_metric_statistics(
        StartTime=now - timedelta(hours=HOURS), EndTime=now, Period=3_600, **asked
    )
    return list(answer["Datapoints"])
