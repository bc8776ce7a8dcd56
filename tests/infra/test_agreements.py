"""Rules that the stack and the functions each state for themselves must be the same.

The stack imports nothing from lambdas/: `cdk` runs it without the functions' packages.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import fields
from functools import partial

import pytest
from aws_cdk import App

from infra import buckets, event_rules
from infra.config import Config, ContextError
from infra.functions import reconcile
from infra.gateway_errors import PROBLEM_URN
from infra.options import MAX_ARCHIVE_DAYS, MAX_SHARDS
from query import problems
from reconcile.wiring import TICK_SECONDS
from replication.aws.messages.eventbridge import event_of
from replication.aws.table.ledger_item import KEPT_DAYS_AFTER_DELETION
from replication.ledger.schedule import Schedule
from replication.published.row import STALE_SECONDS
from replication.s3.events import ConfigurationChanged, Ignored, Operation
from replication.settings import MissingSettings, Settings, from_env
from replication.times import Instant
from tests.infra.functions.test_query import responses
from tests.infra.synthesized import LAMBDAS, Synthesized
from tests.infra.test_ingest import api_call, object_event
from tests.support.topology import topology_file

NEEDED = {"TABLE_NAME": "table", "TOPOLOGY_FILE": topology_file()}
RECEIVED = Instant("2026-01-01T00:00:01.000Z")
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
    for name in shared:
        assert getattr(default, name) == getattr(config, name), name


@pytest.mark.parametrize(
    ("setting", "low", "high", "step"),
    [("shards", 1, MAX_SHARDS, 1), ("check_base_seconds", 0.1, 86_400, 0.01), ("audited", 0, 1, 1)],
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


def allows(make: Callable[[], object], refusal: type[Exception]) -> bool:
    try:
        make()
    except refusal:
        return False
    return True


def test_events_are_archived_no_longer_than_the_ledger_keeps_deleted_versions() -> None:
    assert MAX_ARCHIVE_DAYS == KEPT_DAYS_AFTER_DELETION


def test_the_reconciler_first_looks_back_one_period_of_its_schedule() -> None:
    assert reconcile.TICK.to_seconds() == TICK_SECONDS


def test_sources_send_the_replication_events_that_the_functions_read() -> None:
    assert {*buckets.REPLICATION_EVENTS} == {f"s3:{one}" for one in Operation}


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
