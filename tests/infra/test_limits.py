"""A stack that AWS would refuse half-way through a deployment is refused at once, in words."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from infra import limits
from infra.config import MAX_PATTERNS_BYTES, MAX_TRACKED_BUCKETS
from infra.limits import excesses
from tests.infra.conftest import OPERATOR, longest_names
from tests.infra.synthesized import ROOT, Synthesized, synthesize

STAGE = "a" * 20
STACK = f"S3ReplicationTracker-{STAGE}"
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


@cache
def largest(shape: str) -> Synthesized:
    """As many buckets as the context may name, with names as long as it may have."""
    once, twice = longest_names(MAX_TRACKED_BUCKETS), longest_names(2 * MAX_TRACKED_BUCKETS)
    half = MAX_TRACKED_BUCKETS // 2
    sources, destinations = {
        "half of each": (once[:half], once[half:]),
        "sources alone": (once, []),
        "both ways": (twice, twice),
        "by notifications": (once[:half], once[half:]),
    }[shape]
    return synthesize(
        {
            "stage": STAGE,
            "source_buckets": ",".join(sources),
            "destination_buckets": ",".join(destinations),
            "inventory_buckets": "i" * 63,
            "benign_keys": "k" * MAX_PATTERNS_BYTES,
            "object_events": "s3" if shape == "by notifications" else "eventbridge",
            "forget_completed_days": "9999",
            "redrive": "true",
            "operators": OPERATOR,
        }
    )


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize(
    "shape", ["half of each", "sources alone", "both ways", "by notifications"]
)
def test_the_largest_context_fits_in_every_partition(shape: str, partition: str) -> None:
    assert excesses(largest(shape).template, STACK, partition) == []


def template(**resources: Mapping[str, object]) -> Mapping[str, object]:
    return {"Resources": resources}


def role(*policies: object, managed: int = 0) -> Mapping[str, object]:
    inline = [{"PolicyName": str(n), "PolicyDocument": one} for n, one in enumerate(policies)]
    arns = [f"arn:{number}" for number in range(managed)]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"Policies": inline, "ManagedPolicyArns": arns},
    }


def policy(kind: str, document: object) -> Mapping[str, object]:
    return {
        "Type": f"AWS::IAM::{kind}",
        "Properties": {"PolicyDocument": document, "Roles": [{"Ref": "R"}]},
    }


def of_size(size: int) -> str:
    """A document of that many characters."""
    return "x" * (size - len('""'))


@pytest.mark.parametrize(
    ("extra", "what"),
    [(0, None), (1, "R: characters of inline policies: 10,241, but AWS allows 10,240")],
)
def test_all_inline_policies_of_a_role_are_counted_together(extra: int, what: str | None) -> None:
    found = template(
        R=role(of_size(4_000), of_size(1_000)), P=policy("Policy", of_size(5_240 + extra))
    )
    assert excesses(found, STACK) == ([what] if what else [])


def test_every_other_limit_is_named_when_it_is_passed() -> None:
    def rule(size: int) -> Mapping[str, object]:
        return {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": of_size(size)}}

    def function(size: int) -> Mapping[str, object]:
        variables = {"NAME": "v" * (size - len("NAME"))}
        return {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Environment": {"Variables": variables}},
        }

    def queue(size: int) -> Mapping[str, object]:
        return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": of_size(size)}}

    def stack(more: int) -> Mapping[str, object]:
        others = {f"T{n}": {"Type": "AWS::SNS::Topic"} for n in range(495 + more)}
        return template(
            R=role(managed=9 + more),
            M=policy("ManagedPolicy", of_size(6_144 + more)),
            E=rule(2_048 + more),
            F=function(4_096 + more),
            Q=queue(8_192 + more),
            **others,
        )

    assert excesses(stack(0), STACK) == []
    assert [line.split(":")[0] for line in excesses(stack(1), STACK)] == [
        *("the stack", "R", "M", "E", "F", "Q")
    ]


@pytest.mark.parametrize(("partition", "fits"), [("aws", True), ("aws-us-gov", False)])
def test_a_reference_counts_as_long_as_it_will_be(partition: str, fits: bool) -> None:
    document = {"Resource": {"Fn::GetAtt": ["Table", "Arn"]}}
    role_of_many = role(*[document] * 80)
    assert (excesses(template(R=role_of_many), STACK, partition) == []) is fits


def test_the_app_measures_for_the_partition_with_the_longest_name() -> None:
    assert max(PARTITIONS, key=len) == limits.LONGEST_PARTITION


def test_the_app_ends_with_words_when_the_stack_is_too_large(tmp_path: Path) -> None:
    names = [f"{number:03d}-{'i' * 59}" for number in range(200)]
    context = {"inventory_buckets": ",".join(names), "bundle_dependencies": "false"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "The stack is larger than AWS allows:\n  - Backfiller" in done.stderr
    assert "Traceback" not in done.stderr
