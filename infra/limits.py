"""Sizes that AWS limits, measured in a synthesized template: better refused here than half-way
through a deployment, which then rolls back everything."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from infra.places import MAX_ROLE_NAME

LONGEST_PARTITION = "aws-us-gov"
"""Each ARN names the partition. What fits there fits everywhere."""

MAX_RESOURCES = 500
MAX_TEMPLATE = 1_000_000
"""Bytes, without indentation."""
MAX_INLINE_POLICIES = 10_240
"""Characters of all inline policies of a role together, without white space."""
MAX_MANAGED_POLICY = 6_144
MAX_TRUST_POLICY = 2_048
MAX_MANAGED_POLICIES = 10
"""Of one role, unless the account has a higher quota."""
MAX_QUEUE_POLICY = 8_192
MAX_EVENT_PATTERN = 2_048
MAX_ENVIRONMENT = 4_096

_REGION = "ap-southeast-1"
"""As long as any Region's name."""
_ACCOUNT = "1" * 12
_SUFFIX = "-" + "X" * 13
"""What CloudFormation ends the names with that it gives."""

Template = Mapping[str, Any]


class _Resource(NamedTuple):
    id: str
    type: str
    properties: Mapping[str, Any]


def excesses(template: Template, stack_name: str, partition: str = LONGEST_PARTITION) -> list[str]:
    """Every limit that the template goes beyond, in words. Names that CloudFormation will give are
    taken to be as long as they can get."""
    resources = [
        _Resource(name, body["Type"], _resolved(body.get("Properties", {}), stack_name, partition))
        for name, body in template["Resources"].items()
    ]
    measured = [
        ("the stack: resources", len(resources), MAX_RESOURCES),
        ("the stack: bytes of its template", _size(template), MAX_TEMPLATE),
        *_of_roles(resources),
        *_of_others(resources),
    ]
    return [
        f"{what}: {size:,}, but AWS allows {limit:,}"
        for what, size, limit in measured
        if size > limit
    ]


def _of_roles(resources: list[_Resource]) -> Iterator[tuple[str, int, int]]:
    for role in resources:
        if role.type != "AWS::IAM::Role":
            continue
        inline = [one["PolicyDocument"] for one in role.properties.get("Policies", [])]
        attached = len(role.properties.get("ManagedPolicyArns", []))
        for policy in resources:
            holders = policy.properties.get("Roles", [])
            if not any(str(name).endswith(f"-{role.id}{_SUFFIX}") for name in holders):
                continue
            if policy.type == "AWS::IAM::Policy":
                inline.append(policy.properties["PolicyDocument"])
            elif policy.type == "AWS::IAM::ManagedPolicy":
                attached += 1
        size = sum(_size(document) for document in inline)
        yield f"{role.id}: characters of inline policies", size, MAX_INLINE_POLICIES
        yield f"{role.id}: managed policies", attached, MAX_MANAGED_POLICIES
        trust = role.properties.get("AssumeRolePolicyDocument", {})
        yield f"{role.id}: characters of its trust policy", _size(trust), MAX_TRUST_POLICY
        name = str(role.properties.get("RoleName", ""))
        yield f"{role.id}: characters of its name", len(name), MAX_ROLE_NAME


def _of_others(resources: list[_Resource]) -> Iterator[tuple[str, int, int]]:
    for name, kind, properties in resources:
        match kind:
            case "AWS::IAM::ManagedPolicy":
                size = _size(properties["PolicyDocument"])
                yield f"{name}: characters of a managed policy", size, MAX_MANAGED_POLICY
            case "AWS::SQS::QueuePolicy":
                size = _size(properties["PolicyDocument"])
                yield f"{name}: bytes of a queue's policy", size, MAX_QUEUE_POLICY
            case "AWS::Events::Rule" if "EventPattern" in properties:
                size = _size(properties["EventPattern"])
                yield f"{name}: characters of an event pattern", size, MAX_EVENT_PATTERN
            case "AWS::Lambda::Function":
                variables = properties.get("Environment", {}).get("Variables", {})
                size = sum(len(key) + len(str(value)) for key, value in variables.items())
                yield f"{name}: bytes of environment variables", size, MAX_ENVIRONMENT


def _size(document: Any) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def _resolved(value: Any, stack: str, partition: str) -> Any:
    """With every intrinsic function as a text of the length that it will have at most."""
    match value:
        case {"Ref": "AWS::Partition"}:
            return partition
        case {"Ref": "AWS::Region"}:
            return _REGION
        case {"Ref": "AWS::AccountId"}:
            return _ACCOUNT
        case {"Fn::GetAtt": [str(name), "StreamArn"]}:
            return _arn(f"{stack}-{name}{_SUFFIX}/stream/2026-01-01T00:00:00.000", partition)
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return _arn(f"{stack}-{name}{_SUFFIX}", partition)  # or a name or URL, no longer
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(str(_resolved(part, stack, partition)) for part in parts)
        case dict():
            return {key: _resolved(inner, stack, partition) for key, inner in value.items()}
        case list():
            return [_resolved(inner, stack, partition) for inner in value]
        case _:
            return value


def _arn(name: str, partition: str) -> str:
    return f"arn:{partition}:dynamodb:{_REGION}:{_ACCOUNT}:table/{name}"
