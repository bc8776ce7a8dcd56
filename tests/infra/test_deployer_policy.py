"""docs/deployer-policy.json is what the templates of today need, in words that IAM knows."""

import copy
import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from infra.deployer_actions import TYPES
from infra.deployer_policy import NotCovered, every_template, policy
from tests.infra.synthesized import ROOT, Synthesized

FILE = ROOT / "docs" / "deployer-policy.json"
MANAGED_POLICY = 6_144
"""Characters that IAM allows in one, blanks not counted."""

NO_OPERATIONS = {
    # Actions that are named otherwise than their operations.
    "cloudformation:TagResource",
    "apigateway:UpdateRestApiPolicy",
    "iam:PassRole",
    "lambda:InvokeFunction",
    "s3:ListBucket",
    *(f"apigateway:{verb}" for verb in ("GET", "POST", "PUT", "PATCH", "DELETE")),
}


@pytest.fixture(scope="module")
def templates() -> list[dict[str, Any]]:
    return [dict(one) for one in every_template()]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def test_the_committed_policy_is_that_of_the_templates(
    templates: list[dict[str, Any]], document: dict[str, Any]
) -> None:
    assert document == policy(templates), "make deployer-policy writes it anew"


def test_it_fits_in_one_managed_policy(document: dict[str, Any]) -> None:
    assert len(json.dumps(document, separators=(",", ":"))) <= MANAGED_POLICY


def test_it_names_no_type_that_no_template_has(templates: list[dict[str, Any]]) -> None:
    used = {one["Type"] for template in templates for one in template["Resources"].values()}
    assert {*TYPES} <= used


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Type": "AWS::EC2::Instance"}, "AWS::EC2::Instance"),
        (
            {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
            "AWS::SQS::Queue.FifoQueue",
        ),
    ],
)
def test_what_a_template_gains_has_to_be_covered(
    dev: Synthesized, change: dict[str, Any], said: str
) -> None:
    template = copy.deepcopy(dict(dev.template))
    template["Resources"]["New"] = change
    with pytest.raises(NotCovered, match=said):
        policy([template])


def test_what_a_template_loses_is_granted_no_more(dev: Synthesized) -> None:
    template = copy.deepcopy(dict(dev.template))
    for name, one in list(template["Resources"].items()):
        if one["Type"] == "AWS::DynamoDB::Table":
            del one["Properties"]["TimeToLiveSpecification"]
        if one["Type"] == "AWS::Events::Archive":
            del template["Resources"][name]
    actions = granted(policy([template]))
    assert "dynamodb:CreateTable" in actions
    assert "dynamodb:UpdateTimeToLive" not in actions
    assert "events:CreateArchive" not in actions


def test_each_action_is_one_that_aws_has(document: dict[str, Any]) -> None:
    session = botocore.session.get_session()
    operations: dict[str, list[str]] = {}
    for action in granted(document) - NO_OPERATIONS:
        service, _, name = action.partition(":")
        if service not in operations:
            found = session.get_service_model(service).operation_names
            operations[service] = [one.lower() for one in found]
        assert any(fnmatchcase(one, name.lower()) for one in operations[service]), action


def test_nothing_but_reads_and_subscriptions_has_no_bounds(document: dict[str, Any]) -> None:
    free = {
        action
        for one in document["Statement"]
        if one["Resource"] == ["*"] and "Condition" not in one
        for action in one["Action"]
    }
    assert {action for action in free if not action.partition(":")[2].startswith(READS)} == {
        "cloudformation:ValidateTemplate",
        "sns:SetSubscriptionAttributes",
        "sns:Subscribe",
        "sns:Unsubscribe",
    }


READS = ("Get", "List", "Describe")


def granted(document: dict[str, Any]) -> set[str]:
    return {action for one in document["Statement"] for action in one["Action"]}


def test_the_file_ends_as_files_do() -> None:
    assert Path(FILE).read_text().endswith("}\n")
