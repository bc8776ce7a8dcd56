"""The IAM policy that deploying the tracker takes, derived from its template.

    python -m infra.deployer_policy > docs/deployer-policy.json

The app is synthesized with every option. Each resource type and property of its templates has to
be known to `deployer_actions`; one that is not raises NotCovered, so the policy cannot lag behind.
"""

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path
from typing import Any

from aws_cdk import App

from infra.config import Config
from infra.deployer_actions import ANY, CUSTOM, NAMED, TYPES, Needs
from infra.deployment import Deployment
from infra.guard import context_with
from infra.package import ROOT

ASSETS = "ASSETS-BUCKET"
"""Stands for the name of the bucket that the files of the package are in."""

_HOME, _OTHER = ("111111111111", "eu-central-1"), ("222222222222", "eu-west-1")
EVERY_OPTION = f"""
stage = "prod"
notify_emails = ["someone@example.com"]
chat = true
warm_write_units = 4000
query_concurrency = 5
event_statuses = ["FAILED"]
operators = ["arn:aws:iam::111111111111:role/operator"]
redrive = true
bundle_dependencies = false
[home]
account = "{_HOME[0]}"
region = "{_HOME[1]}"
[buckets.lists]
inventory = true
[buckets.with-topic]
role = "source"
replication_topic = "arn:aws:sns:{_HOME[1]}:{_HOME[0]}:theirs"
[buckets.elsewhere]
role = "both"
account = "{_OTHER[0]}"
region = "{_OTHER[1]}"
""" + "".join(
    # So many that the policies of a role do not fit in one: CDK makes managed ones of the rest.
    f'[buckets.bucket-{number:03d}-{"x" * 50}]\nrole = "both"\n'
    for number in range(60)
)
"""A `tracker.toml` with every option that makes a resource, and a bucket of every kind."""

_STACKS = (
    "CreateStack UpdateStack DeleteStack CancelUpdateStack ContinueUpdateRollback RollbackStack"
    " *ChangeSet Describe* ListStackResources GetTemplate TagResource UpdateTerminationProtection"
)
_GATEWAY = "ops.apigateway.amazonaws.com"
_TAG = "application"
_OURS = "s3-replication-tracker"
_CONDITIONS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    # A key has no name. The stack tags its own; one that is being made has no tag yet.
    "kms:CreateKey": {"StringEquals": {f"aws:RequestTag/{_TAG}": _OURS}},
    "kms:TagResource": {"StringEquals": {f"aws:RequestTag/{_TAG}": _OURS}},
    "iam:AttachRolePolicy": {
        "ArnLike": {
            "iam:PolicyARN": [
                "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
                f"arn:aws:iam::*:policy/{NAMED}",
            ]
        }
    },
    "iam:PassRole": {
        "StringEquals": {
            "iam:PassedToService": ["lambda.amazonaws.com", "apigateway.amazonaws.com"]
        }
    },
    "lambda:CreateEventSourceMapping": {
        "ArnLike": {"lambda:FunctionArn": f"arn:aws:lambda:*:*:function:{NAMED}"}
    },
}
_OF_KEYS = {"StringEquals": {f"aws:ResourceTag/{_TAG}": _OURS}}

Template = Mapping[str, Any]


class NotCovered(Exception):
    """The template has a resource type or a property of which it is not known what CloudFormation
    needs for it. The message names all of them."""


def policy(templates: Iterable[Template]) -> dict[str, Any]:
    """The policy document for stacks of these templates.

    Raises:
        NotCovered: add what it names to `deployer_actions`.
    """
    grants: dict[tuple[tuple[str, ...], str], set[str]] = defaultdict(set)
    unknown: set[str] = set()
    for kind, names in _used(templates):
        needs = CUSTOM if kind.startswith("Custom::") else TYPES.get(kind)
        if needs is None:
            unknown.add(kind)
            continue
        if needs is not CUSTOM:
            known = {*needs.properties.split(), *needs.more}
            unknown |= {f"{kind}.{name}" for name in names - known}
        for arns, action in _actions(needs, names):
            grants[arns, _condition(action)].add(action)
    if unknown:
        raise NotCovered(f"not in infra/deployer_actions.py: {', '.join(sorted(unknown))}")
    for arns, action in _always():
        grants[arns, _condition(action)].add(action)
    return {"Version": "2012-10-17", "Statement": list(_statements(grants))}


def _used(templates: Iterable[Template]) -> Iterator[tuple[str, set[str]]]:
    """Every resource type with all the properties that any resource of it has."""
    found: dict[str, set[str]] = defaultdict(set)
    for template in templates:
        for resource in template["Resources"].values():
            found[resource["Type"]] |= {*resource.get("Properties", {})}
    yield from sorted(found.items())


def _actions(needs: Needs, names: set[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name in needs.actions.split():
        yield needs.arns, f"{needs.service}:{name}"
    for added in names & {*needs.more}:
        for name in needs.more[added].split():
            yield needs.arns, f"{needs.service}:{name}"
    for name in needs.anywhere.split():
        yield (ANY,), f"{needs.service}:{name}"


def _always() -> Iterator[tuple[tuple[str, ...], str]]:
    for name in _STACKS.split():
        yield (f"cloudformation:*:*:stack/{NAMED}",), f"cloudformation:{name}"
    for name in ("GetTemplateSummary", "ValidateTemplate"):
        yield (ANY,), f"cloudformation:{name}"
    yield (f"iam::*:role/{NAMED}",), "iam:PassRole"
    # API Gateway makes it for itself, once in an account, when a stage sends traces to X-Ray.
    yield (f"iam::*:role/aws-service-role/{_GATEWAY}/*",), "iam:CreateServiceLinkedRole"
    for name in ("GetObject", "PutObject"):
        yield (f"s3:::{ASSETS}/*",), f"s3:{name}"
    for name in ("GetBucketLocation", "ListBucket"):
        yield (f"s3:::{ASSETS}",), f"s3:{name}"


def _condition(action: str) -> str:
    """As text, so that actions with the same one stand in one statement."""
    found = _CONDITIONS.get(action)
    if found is None and action.startswith("kms:"):
        found = _OF_KEYS
    return json.dumps(found or {})


def _statements(
    grants: Mapping[tuple[tuple[str, ...], str], set[str]],
) -> Iterator[dict[str, Any]]:
    for (arns, condition), actions in sorted(grants.items()):
        broad = [one for one in actions if "*" in one]
        covered = {one for one in actions for wide in broad if one != wide and fnmatch(one, wide)}
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Action": sorted(actions - covered),
            "Resource": [arn if arn == ANY else f"arn:aws:{arn}" for arn in arns],
        }
        if conditions := json.loads(condition):
            statement["Condition"] = conditions
        yield statement


def every_template() -> list[Template]:
    """The templates of an app with every option: of the tracker and of a collector."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tracker.toml")
        file.write_text(EVERY_OPTION)
        app = App(context=context_with([f"topology={file}"]), outdir=str(Path(folder, "cdk.out")))
        deployment = Deployment(app, config=Config.from_context(app.node), lambdas=ROOT / "lambdas")
        assembly = app.synth()
        return [assembly.get_stack_artifact(one.artifact_id).template for one in deployment.stacks]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(policy(every_template()), indent=2) + "\n")
