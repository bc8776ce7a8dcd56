"""Permissions on many buckets, in as many policies as they need.

300 names of 63 characters are more than a role's inline policies may have, so each policy is a
managed one of a few names, of which a role may have 10. No wildcard stands for a name.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from infra.limits import LONGEST_PARTITION, MAX_MANAGED_POLICY

Actions = tuple[str, ...]
Statement = tuple[Actions, list[str]]
"""Actions, and the buckets (`name`) or their objects (`name/*`) that they are allowed on."""

_INLINE = 4_000
"""Characters that may stand in the role's own policy, beside everything else it may."""
_ROOM = MAX_MANAGED_POLICY - 100
"""Without what every policy has."""
_OF_ARN = len(f'"arn:{LONGEST_PARTITION}:s3:::",')
_OF_STATEMENT = len('{"Action":[],"Effect":"Allow","Resource":[]},')


def allow_on_buckets(role: iam.Role, wanted: Mapping[str, Sequence[str]]) -> None:
    """`wanted`: the actions for each bucket (`name`) and each bucket's objects (`name/*`)."""
    statements = _statements(wanted)
    if sum(_size(one) for one in statements) <= _INLINE:
        for one in statements:
            role.add_to_policy(_allowing(one))
        return
    for number, portion in enumerate(policy_portions(statements)):
        _managed(role, f"Buckets{number}", portion)


def replaced_policies(
    role: iam.Role, action: str, buckets: Sequence[str]
) -> list[iam.ManagedPolicy]:
    """Policies whose ids change with the buckets in them. CloudFormation then makes a new one
    before, and deletes the old one after everything else: during an update both are in force, and
    the permission for a bucket that leaves is still there while it is cleaned up. So a role has
    up to twice as many policies for a moment."""
    portions = policy_portions([((action,), list(buckets))]) if buckets else []
    return [
        _managed(role, f"Buckets{hashlib.sha256(repr(one).encode()).hexdigest()[:12]}", one)
        for one in portions
    ]


def policy_portions(statements: Sequence[Statement]) -> Iterator[list[Statement]]:
    """The statements, cut where a managed policy is full."""
    portion: list[Statement] = []
    used = 0
    for actions, names in statements:
        head = _OF_STATEMENT + len(json.dumps(actions))
        begun = False
        for name in names:
            cost = _OF_ARN + len(name) + (0 if begun else head)
            if portion and used + cost > _ROOM:
                yield portion
                portion, used, begun = [], 0, False
                cost = _OF_ARN + len(name) + head
            if not begun:
                portion.append((actions, []))
                begun = True
            portion[-1][1].append(name)
            used += cost
    if portion:
        yield portion


def _statements(wanted: Mapping[str, Sequence[str]]) -> list[Statement]:
    """Every name once, together with the others that have the same actions."""
    groups: dict[Actions, list[str]] = {}
    for name, actions in wanted.items():
        groups.setdefault(tuple(sorted({*actions})), []).append(name)
    return sorted(groups.items())


def _size(statement: Statement) -> int:
    actions, names = statement
    arns = sum(_OF_ARN + len(name) for name in names)
    return _OF_STATEMENT + len(json.dumps(actions)) + arns


def _managed(role: iam.Role, construct_id: str, portion: Sequence[Statement]) -> iam.ManagedPolicy:
    return iam.ManagedPolicy(
        role,  # whatever waits for the role waits for its policies
        construct_id,
        statements=[_allowing(one) for one in portion],
        roles=[role],
    )


def _allowing(statement: Statement) -> iam.PolicyStatement:
    actions, names = statement
    return iam.PolicyStatement(
        actions=list(actions), resources=[f"arn:{Aws.PARTITION}:s3:::{name}" for name in names]
    )
