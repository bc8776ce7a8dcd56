"""What holds for the stack as a whole."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_cdk import App
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from infra.nag import acknowledge
from tests.infra.conftest import BUCKETS
from tests.infra.synthesized import ROOT, Synthesized, build

OUTPUTS = {
    "ApiUrl",
    "IngestQueueUrl",
    "IngestDeadLetterQueueUrl",
    "BackfillQueueUrl",
    "TableName",
    "FailureTopicArn",
    "IncidentTopicArn",
    "DashboardUrl",
}
"""A tracker of no bucket has no more than these."""
OF_THE_ARCHIVE = {"ArchiveArns", "ArchivedRuleArns"}


def test_the_outputs_are_those_of_the_contract(stack: Synthesized) -> None:
    assert set(stack.outputs) - OF_THE_ARCHIVE == OUTPUTS
    assert stack.outputs["IngestQueueUrl"] == stack.ingest.id
    assert stack.outputs["IngestDeadLetterQueueUrl"] == stack.ingest_dead_letters.id
    assert stack.outputs["TableName"] == stack.table.id
    assert stack.outputs["FailureTopicArn"] == stack.failure_topic.id


def test_the_dashboard_url_leads_to_the_dashboard(dev: Synthesized) -> None:
    dashboard = dev.one("AWS::CloudWatch::Dashboard")
    url = dev.outputs["DashboardUrl"]
    assert url.startswith("https://REGION.")
    assert "/cloudwatch/home?region=REGION#" in url
    assert dashboard["DashboardName"] == "S3ReplicationTracker-dev-REGION"
    assert url.endswith(f"#dashboards/dashboard/{dashboard['DashboardName']}")


def test_no_account_and_no_region_is_written_down(stack: Synthesized) -> None:
    text = json.dumps(stack.template)
    assert not re.search(r"(?<![0-9a-f])[0-9]{12}(?![0-9a-f])", text)
    assert not re.search(r"\b(us|eu|ap|sa|ca|me|af)-[a-z]+-[0-9]\b", text)


def test_no_partition_is_written_down(stack: Synthesized) -> None:
    assert "arn:aws:" not in json.dumps(stack.template)


def test_without_sources_the_deployer_is_warned_that_nothing_is_tracked(
    dev: Synthesized, empty: Synthesized
) -> None:
    assert dev.warnings == ()
    (warning,) = empty.warnings
    assert "nothing is tracked" in warning
    assert "-c source_buckets=" in warning


@pytest.mark.parametrize("context", [{}, BUCKETS, {**BUCKETS, "stage": "prod"}])
def test_every_finding_of_cdk_nag_is_explained(
    context: Mapping[str, object], tmp_path: Path
) -> None:
    app, _ = build(context, outdir=str(tmp_path))
    assert findings(app) == set()


def test_no_explanation_is_stale(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Left unexplained, the findings are those that there are reasons for, and no others."""
    reasons: dict[str, set[str]] = {}

    def note(construct: IConstruct, given: Mapping[str, str]) -> None:
        for rule, reason in given.items():
            assert len(reason) > 20
            reasons.setdefault(rule, set()).add(construct.node.path)

    for name, module in tuple(sys.modules.items()):
        if name.startswith("infra.") and hasattr(module, acknowledge.__name__):
            monkeypatch.setattr(module, acknowledge.__name__, note)
    app, _ = build(BUCKETS, outdir=str(tmp_path))
    found = findings(app)

    for rule, paths in reasons.items():
        for path in paths:
            assert any(rule == name and inside(where, path) for name, where in found), (rule, path)
    for rule, where in found:
        assert any(inside(where, path) for path in reasons.get(rule, ())), (rule, where)


def inside(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith(f"{ancestor}/")


def findings(app: App) -> set[tuple[str, str]]:
    """(Rule, path of the resource) of what cdk-nag has against an app."""
    report = AwsSolutionsChecks(app).validate_scope(app)
    return {
        (violation.rule_name, str(resource.construct_path))
        for violation in report.violations
        for resource in violation.violating_resources
    }


def test_cfn_lint_has_nothing_against_the_templates(
    dev: Synthesized, prod: Synthesized, empty: Synthesized, tmp_path: Path
) -> None:
    files = []
    for name, stack in {"dev": dev, "prod": prod, "empty": empty}.items():
        files.append(tmp_path / f"{name}.template.json")
        files[-1].write_text(json.dumps(stack.template))
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [str(lint), "--config-file", str(ROOT / ".cfnlintrc"), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_a_wrong_context_ends_the_app_with_words_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "CDK_CONTEXT_JSON": json.dumps({"stage": "X", "shards": 0})},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Wrong configuration:\n  - stage='X': ")
    assert "- shards=0: " in done.stderr
    assert "Traceback" not in done.stderr
