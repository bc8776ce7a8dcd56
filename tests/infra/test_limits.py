"""A stack that AWS would refuse half-way through a deployment is refused at once, in words."""

import json
import runpy
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from infra import limits
from infra.config import MAX_BUCKETS, ContextError
from infra.limits import excesses
from infra.options import EVENT_STATUSES, MAX_EVENT_BUCKETS_BYTES, MAX_PATTERNS_BYTES
from tests.infra.conftest import OPERATOR, longest_names
from tests.infra.synthesized import ROOT, Synthesized, synthesize

STAGE = "a" * 20
STACK = f"S3ReplicationTracker-{STAGE}"
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


REDRIVEN = 250
"""So many sources may be redriven: the permissions of jobs make the template larger."""


@cache
def largest(shape: str) -> Synthesized:
    """As many buckets as a deployment may have, with names as long as S3 takes."""
    count = REDRIVEN if shape == "redriven" else MAX_BUCKETS
    names, half = longest_names(count), count // 2
    sources, destinations = {
        "half of each": (names[:half], names[half:]),
        "sources alone": (names, []),
        "both ways": (names, names),
        "by notifications": (names[:half], names[half:]),
        "redriven": (names, names),
    }[shape]
    return synthesize(
        {
            "stage": STAGE,
            "source_buckets": ",".join(sources),
            "destination_buckets": ",".join(destinations),
            "inventory_buckets": ",".join(names),
            "benign_keys": "k" * MAX_PATTERNS_BYTES,
            "object_events": "s3" if shape == "by notifications" else "eventbridge",
            "forget_completed_days": "9999",
            "event_statuses": ",".join(EVENT_STATUSES),
            "redrive": str(shape in ("redriven", "half of each")).lower(),
            "operators": OPERATOR,
        }
    )


@pytest.mark.timeout(500)
@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize(
    "shape", ["half of each", "sources alone", "both ways", "by notifications", "redriven"]
)
def test_the_largest_context_fits_in_every_partition(shape: str, partition: str) -> None:
    assert excesses(largest(shape).template, STACK, partition) == []


def test_the_names_of_event_buckets_have_a_limit_as_well() -> None:
    """They are in the environment of the function that counts."""
    names = ",".join(longest_names(1 + MAX_EVENT_BUCKETS_BYTES // 63))
    with pytest.raises(ContextError, match=r"event_buckets=.*at most 1000 bytes"):
        synthesize({"source_buckets": names, "event_buckets": names, "event_statuses": "FAILED"})


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

    def named(size: int) -> Mapping[str, object]:
        return {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "n" * size}}

    def trusting(size: int) -> Mapping[str, object]:
        trust = {"AssumeRolePolicyDocument": of_size(size)}
        return {"Type": "AWS::IAM::Role", "Properties": trust}

    def stack(more: int) -> Mapping[str, object]:
        others = {f"T{n}": {"Type": "AWS::SNS::Topic"} for n in range(493 + more)}
        return template(
            R=role(managed=9 + more),
            M=policy("ManagedPolicy", of_size(6_144 + more)),
            E=rule(2_048 + more),
            F=function(4_096 + more),
            Q=queue(8_192 + more),
            N=named(64 + more),
            A=trusting(2_048 + more),
            **others,
        )

    assert excesses(stack(0), STACK) == []
    assert [line.split(":")[0] for line in excesses(stack(1), STACK)] == [
        *("the stack", "R", "N", "A", "M", "E", "F", "Q")
    ]


@pytest.mark.parametrize(("partition", "fits"), [("aws", True), ("aws-us-gov", False)])
def test_a_reference_counts_as_long_as_it_will_be(partition: str, fits: bool) -> None:
    document = {"Resource": {"Fn::GetAtt": ["Table", "Arn"]}}
    role_of_many = role(*[document] * 80)
    assert (excesses(template(R=role_of_many), STACK, partition) == []) is fits


def test_the_app_measures_for_the_partition_with_the_longest_name() -> None:
    assert max(PARTITIONS, key=len) == limits.LONGEST_PARTITION


def test_the_app_ends_with_words_when_the_stack_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_RESOURCES", 10)
    context = {"source_buckets": "orders", "bundle_dependencies": "false", "topology": ""}
    monkeypatch.setenv("CDK_CONTEXT_JSON", json.dumps(context))
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "app.py"))
    said = (
        "A stack is larger than AWS allows:\n  - S3ReplicationTracker-dev: the stack: resources: "
    )
    assert str(caught.value).startswith(said)
