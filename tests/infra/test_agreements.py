"""Rules that the stack and the functions each state for themselves must be the same.

The stack imports nothing from lambdas/: `cdk` runs it without the functions' packages.
"""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import fields
from functools import partial

import botocore.session
import pytest
from aws_cdk import App

from infra import buckets, event_rules
from infra.config import Config, ContextError
from infra.functions import reconcile
from infra.gateway_errors import PROBLEM_URN
from infra.options import EVENT_STATUSES, MAX_ARCHIVE_DAYS, MAX_SHARDS
from query import problems
from reconcile.wiring import TICK_SECONDS
from replication.aws.messages.eventbridge import event_of
from replication.aws.messages.s3_notifications import event_of as notification_of
from replication.ledger.retention import KEPT_DAYS_AFTER_DELETION
from replication.ledger.schedule import Schedule
from replication.published.row import STALE_SECONDS
from replication.published.status_event import NONE
from replication.s3.bucket_notifications import OBJECT_EVENTS
from replication.s3.events import ConfigurationChanged, Ignored, Operation
from replication.s3.status import Status
from replication.settings import MissingSettings, Settings, from_env
from replication.times import Instant
from tests.infra.functions.test_query import responses
from tests.infra.synthesized import LAMBDAS, ROOT, Synthesized, synthesize
from tests.infra.test_ingest import api_call, object_event
from tests.support.topology import topology_file

NEEDED = {"TABLE_NAME": "table", "TOPOLOGY_FILE": topology_file()}
RECEIVED = Instant("2026-01-01T00:00:01.000Z")
EVENTS = ROOT / "tests" / "events"
STAMP = {"id": "id", "time": "2026-01-01T00:00:00Z"}


def read(**context: str) -> Config:
    return Config.from_context(App(context=context).node)


@pytest.mark.parametrize("base", ["900", "0.1", "1.5", "86400"])
def test_the_stale_age_is_that_of_the_functions(base: str) -> None:
    assert read(check_base_seconds=base).stale_seconds == Schedule(float(base)).stale_seconds
    assert read().stale_seconds == STALE_SECONDS


def test_a_function_without_optional_settings_has_the_defaults_of_the_context() -> None:
    default, config = from_env(NEEDED), Config()
    shared = {field.name for field in fields(Settings)} & {field.name for field in fields(Config)}
    assert {"shards", "record_ineligible", "check_base_seconds", "audited"} <= shared
    assert "events_begin_seconds" in shared
    for name in shared:
        assert getattr(default, name) == getattr(config, name), name


@pytest.mark.parametrize(
    ("setting", "low", "high", "step"),
    [
        ("shards", 1, MAX_SHARDS, 1),
        ("check_base_seconds", 0.1, 86_400, 0.01),
        ("events_begin_seconds", 0, 86_400, 1),
        ("audited", 0, 1, 1),
    ],
)
def test_the_context_and_the_functions_allow_the_same_values(
    setting: str, low: float, high: float, step: float
) -> None:
    for value in (low - step, low, high, high + 1):
        text = f"{value:g}"
        verdicts = {
            allows(partial(read, **{setting: text}), ContextError),
            allows(partial(from_env, {**NEEDED, setting.upper(): text}), MissingSettings),
        }
        assert verdicts == {low <= value <= high}, text


@pytest.mark.parametrize("days", ["0", "1", "29", "30", "9999"])
def test_versions_are_forgotten_after_the_same_days(days: str) -> None:
    by_context = allows(partial(read, forget_completed_days=days), ContextError)
    by_functions = allows(
        partial(from_env, {**NEEDED, "FORGET_COMPLETED_DAYS": days}), MissingSettings
    )
    assert by_context == by_functions == (days in ("0", "30", "9999"))


def test_every_function_of_the_ledger_knows_when_versions_are_forgotten(
    dev: Synthesized,
) -> None:
    forgetful = synthesize({"forget_completed_days": "45"})
    for service in ("record", "reconcile", "backfill", "query"):
        assert dev.variables(service)["FORGET_COMPLETED_DAYS"] == "0"
        assert forgetful.variables(service)["FORGET_COMPLETED_DAYS"] == "45"


def allows(make: Callable[[], object], refusal: type[Exception]) -> bool:
    try:
        make()
    except refusal:
        return False
    return True


def test_events_are_archived_no_longer_than_the_ledger_keeps_deleted_versions() -> None:
    assert MAX_ARCHIVE_DAYS == KEPT_DAYS_AFTER_DELETION


def test_events_are_chosen_by_the_words_that_the_functions_know() -> None:
    assert {*EVENT_STATUSES} == {*Status, NONE}


def test_the_reconciler_first_looks_back_one_period_of_its_schedule() -> None:
    assert reconcile.TICK.to_seconds() == TICK_SECONDS


def test_sources_send_the_replication_events_that_the_functions_read() -> None:
    assert {*buckets.REPLICATION_EVENTS} == {f"s3:{one}" for one in Operation}


def test_object_events_as_notifications_are_those_that_the_functions_need_and_read() -> None:
    assert buckets.OBJECT_EVENTS == OBJECT_EVENTS
    record = json.loads((EVENTS / "s3-object-retention-put.json").read_text())["Records"][0]
    for event in OBJECT_EVENTS:
        name = event.removeprefix("s3:").removesuffix("*")
        name += "Put" if name in ("ObjectCreated:", "ObjectTagging:") else ""
        name += "Delete" if name in ("ObjectRemoved:", "LifecycleExpiration:") else ""
        found = notification_of({**record, "eventName": name}, Instant("2030-01-01T00:00:00.000Z"))
        assert not isinstance(found, Ignored), event


def test_every_object_event_of_eventbridge_has_its_notification() -> None:
    """By the names in which S3's user guide says that they are the same."""
    same = {
        "Object Created": ["s3:ObjectCreated:*"],
        "Object Deleted": ["s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"],
        "Object Tags Added": ["s3:ObjectTagging:*"],
        "Object Tags Deleted": ["s3:ObjectTagging:*"],
        "Object ACL Updated": ["s3:ObjectAcl:Put"],
        "Object Retention Updated": ["s3:ObjectRetention:Put"],
    }
    assert set(same) == {*event_rules.OBJECT_EVENTS}
    assert {one for many in same.values() for one in many} == {*buckets.OBJECT_EVENTS}


def test_notifications_know_the_name_of_every_event_type_that_is_configured() -> None:
    shape = botocore.session.get_session().get_service_model("s3").shape_for("Event")
    known = set(getattr(shape, "enum"))  # noqa: B009
    assert {*buckets.OBJECT_EVENTS, *buckets.REPLICATION_EVENTS} <= known


def test_custom_resources_have_the_types_that_their_function_knows() -> None:
    assert {buckets.CHECK, buckets.SET} <= texts_of_the_functions()


@pytest.mark.parametrize("detail_type", event_rules.OBJECT_EVENTS)
def test_the_functions_read_every_object_event_that_the_rules_pass_on(detail_type: str) -> None:
    event = {**object_event(detail_type, "orders"), **STAMP}
    event["detail"]["object"] |= {"version-id": "v", "etag": "e", "sequencer": "0055", "size": 1}
    event["detail"] |= {"reason": "PutObject", "deletion-type": "Permanently Deleted"}
    assert not isinstance(event_of(event, RECEIVED), Ignored)


@pytest.mark.parametrize("call", event_rules.CONFIGURATION_CALLS)
def test_the_functions_read_every_call_that_the_rules_pass_on(call: str) -> None:
    found = event_of({**api_call(call, "orders"), **STAMP}, RECEIVED)
    assert isinstance(found, ConfigurationChanged)


def test_problems_of_the_gateway_and_of_the_function_are_worded_alike(stack: Synthesized) -> None:
    assert PROBLEM_URN == problems.URN
    kinds = {one.name: one for one in vars(problems).values() if isinstance(one, problems.Kind)}
    compared = set()
    for response in responses(stack).values():
        (template,) = response["ResponseTemplates"].values()
        name = re.search(rf'"type":"{re.escape(problems.URN)}([^"]+)"', template)
        assert name
        if kind := kinds.get(name[1]):
            assert f'"title":"{kind.title}","status":{kind.status},' in template
            compared.add(kind.name)
    assert compared == {"not-found", "invalid-parameter", "internal-error"}


def test_alarms_and_dashboard_show_only_metrics_that_the_functions_publish(
    dev: Synthesized,
) -> None:
    body = dev.one("AWS::CloudWatch::Dashboard")["DashboardBody"]
    namespace = dev.variables("summarize")["POWERTOOLS_METRICS_NAMESPACE"]
    shown = set(re.findall(rf'"{namespace}\\*",[^}}]+}} MetricName=\\*"(\w+)', body))
    alarmed = {
        alarm["MetricName"]
        for alarm in dev.of_type("AWS::CloudWatch::Alarm")
        if alarm.properties.get("Namespace") == namespace
    }
    assert {"Created", "PendingVersions", "Failures"} <= shown
    assert "oldest_pending_seconds" in alarmed
    assert shown | alarmed <= texts_of_the_functions()


def texts_of_the_functions() -> set[str]:
    """Every constant text in the functions' code."""
    return {
        node.value
        for file in LAMBDAS.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
