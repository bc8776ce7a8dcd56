"""What a bucket's policy lets somebody do, by MiniStack's evaluation of policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.s3_replication.rules import Rule


def decision(
    policy: str,
    action: str,
    resource: str,
    *,
    principal: str,
    account: str,
    context: Mapping[str, Any] | None = None,
) -> str:
    """`Allow`, `Deny` or `ImplicitDeny` by the bucket policy alone.

    Every request counts as one over TLS: here it comes over loopback.
    """
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.core.responses import get_region

    asked = EvalContext(
        principal_arn=principal,
        principal_type="Root" if principal.endswith(":root") else "AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context={name.lower(): value for name, value in (context or {}).items()},
    )
    return str(evaluate_resource_policy(policy, asked).decision)


def role_may(
    policy: str | None, action: str, resource: str, rule: Rule, account: str, *, same_account: bool
) -> bool:
    """Whether the bucket policy lets the replication role in.

    In its own account the role's permissions are enough and only a Deny stops it; from another
    account the policy has to say Allow.
    """
    if not policy:
        return same_account
    found = decision(policy, action, resource, principal=rule.role, account=account)
    return found != "Deny" if same_account else found == "Allow"
