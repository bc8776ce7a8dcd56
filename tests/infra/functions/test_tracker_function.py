"""Every function runs in the same way and has its settings; the digest follows the sources."""

import shutil
from pathlib import Path

import pytest

from infra.functions.bundle import code_digest
from infra.functions.topology_file import NAME
from tests.infra.conftest import BUCKETS, DESTINATIONS, SOURCES
from tests.infra.synthesized import LAMBDAS, SERVICES, Synthesized, synthesize


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_runs_the_newest_python_on_arm(stack: Synthesized, service: str) -> None:
    function = stack.function(service)
    assert function["Runtime"] == "python3.14"
    assert function["Architectures"] == ["arm64"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_logs_to_a_group_of_its_own_for_a_month(
    stack: Synthesized, service: str
) -> None:
    group = stack.function(service)["LoggingConfig"]["LogGroup"]
    (found,) = (one for one in stack.of_type("AWS::Logs::LogGroup") if one.id == group)
    assert found["RetentionInDays"] == 30
    users = [
        function
        for function in stack.of_type("AWS::Lambda::Function")
        if function.properties.get("LoggingConfig", {}).get("LogGroup") == group
    ]
    assert len(users) == 1


def test_all_functions_share_one_asset(stack: Synthesized) -> None:
    codes = {stack.function(service)["Code"]["S3Key"] for service in SERVICES}
    assert len(codes) == 1


def test_no_two_functions_share_a_role(stack: Synthesized) -> None:
    roles = [function["Role"] for function in stack.of_type("AWS::Lambda::Function")]
    assert len(set(roles)) == len(roles)


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_knows_the_table_the_buckets_and_its_own_name(
    dev: Synthesized, service: str
) -> None:
    variables = dev.variables(service)
    assert variables["TABLE_NAME"] == dev.table.id
    assert variables["TOPOLOGY_FILE"] == NAME
    assert variables["HOME_ACCOUNT"] == "ACCOUNT"
    assert variables["SHARDS"] == "4"
    assert variables["POWERTOOLS_SERVICE_NAME"] == service
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "S3ReplicationTracker/dev"
    assert variables["POWERTOOLS_LOG_LEVEL"] == "INFO"


def test_the_buckets_lie_beside_the_code(dev: Synthesized) -> None:
    assert dev.topology.sources == SOURCES
    assert dev.topology.destinations == DESTINATIONS


def test_each_function_knows_its_own_way_out(dev: Synthesized) -> None:
    record, announce = dev.variables("record"), dev.variables("announce")
    assert record["INGEST_DEAD_LETTER_QUEUE_URL"] == dev.ingest_dead_letters.id
    assert announce["FAILURE_TOPIC_ARN"] == dev.outputs["FailureTopicArn"]
    assert dev.variables("summarize")["INCIDENT_TOPIC_ARN"] == dev.outputs["IncidentTopicArn"]


def test_context_reaches_the_environment() -> None:
    ineligible = {"record_ineligible": "false", "backfill_ineligible": "true"}
    stack = synthesize({**BUCKETS, "shards": "16", **ineligible})
    assert stack.variables("record")["SHARDS"] == "16"
    assert stack.variables("record")["RECORD_INELIGIBLE"] == "false"
    assert stack.variables("backfill")["BACKFILL_INELIGIBLE"] == "true"


def test_ineligible_objects_are_recorded_by_default(dev: Synthesized) -> None:
    assert dev.variables("record")["RECORD_INELIGIBLE"] == "true"
    assert dev.variables("backfill")["BACKFILL_INELIGIBLE"] == "false", "there may be billions"


def test_the_recorder_gets_large_batches_and_fails_by_the_message(stack: Synthesized) -> None:
    source = stack.event_source("record")
    assert source["EventSourceArn"] == stack.ingest.arn
    assert source["BatchSize"] == 1_000
    assert source["MaximumBatchingWindowInSeconds"] == 1
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"]["MaximumConcurrency"] == 20


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    copied = tmp_path / "lambdas"
    shutil.copytree(LAMBDAS, copied)
    return copied


def test_the_same_sources_have_the_same_digest_wherever_they_are(tree: Path) -> None:
    assert code_digest(tree, bytecode=True) == code_digest(LAMBDAS, bytecode=True)


def test_what_is_not_shipped_does_not_change_the_digest(tree: Path) -> None:
    before = code_digest(tree, bytecode=True)
    (tree / "record" / "__pycache__").mkdir(exist_ok=True)
    (tree / "record" / "__pycache__" / "handler.cpython-314.pyc").write_bytes(b"\0")
    (tree / ".DS_Store").write_bytes(b"\0")
    assert code_digest(tree, bytecode=True) == before


@pytest.mark.parametrize("name", ["record/new_module.py", "requirements.txt"])
def test_a_changed_source_or_lock_changes_the_digest(tree: Path, name: str) -> None:
    before = code_digest(tree, bytecode=True)
    with (tree / name).open("a") as file:
        file.write("# changed\n")
    assert code_digest(tree, bytecode=True) != before


def test_a_renamed_source_changes_the_digest(tree: Path) -> None:
    source = tree / "record" / "one.py"
    source.write_text("ONE = 1\n")
    before = code_digest(tree, bytecode=True)
    source.rename(source.with_name("two.py"))
    assert code_digest(tree, bytecode=True) != before


def test_only_functions_that_go_on_by_their_own_queue_may_call_themselves(
    stack: Synthesized,
) -> None:
    """Lambda ends other chains after 16 rounds, which is right: they would be a mistake."""
    allowed = {
        service
        for service in SERVICES
        if stack.function(service).properties.get("RecursiveLoop") == "Allow"
    }
    sends_to_its_own_queue = {
        service
        for service in SERVICES
        for name, url in stack.variables(service).items()
        if name == f"{service.upper()}_QUEUE_URL"
        and stack.by_arn(stack.event_source(service)["EventSourceArn"]).id == url
    }
    assert allowed == sends_to_its_own_queue == {"backfill", "reconcile"}


def test_a_queue_hides_a_message_for_as_long_as_its_function_may_need(stack: Synthesized) -> None:
    for service in ("record", "reconcile", "backfill"):
        queue = stack.by_arn(stack.event_source(service)["EventSourceArn"])
        assert queue["VisibilityTimeout"] >= 6 * stack.function(service)["Timeout"], service
    assert stack.function("backfill")["Timeout"] == 900


def test_only_the_api_is_traced(stack: Synthesized) -> None:
    """X-Ray charges each trace; queues and schedules have metrics and logs."""
    traced = {
        service
        for service in SERVICES
        if stack.function(service).properties.get("TracingConfig", {}).get("Mode") == "Active"
    }
    assert traced == {"query"}


def test_bytecode_changes_the_digest() -> None:
    assert code_digest(LAMBDAS, bytecode=True) != code_digest(LAMBDAS, bytecode=False)
