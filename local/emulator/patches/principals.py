"""A policy can tell services of AWS from identities, and a role by its own ARN.

AWS: `aws:PrincipalIsAWSService` is true for what S3, EventBridge or SNS themselves bring, who have
no `aws:PrincipalArn`, and false for every user, role and root; who assumed a role has the role's
ARN as `aws:PrincipalArn`. EventBridge brings a queue nothing that the queue's policy does not
allow.
MiniStack 1.5.33: does not know the first key, gives `*` or the session's ARN as the second, and
takes the calls that its services make among themselves for calls without TLS; EventBridge asks no
queue's policy.
"""

from __future__ import annotations

import contextvars
import logging
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

_log = logging.getLogger("local.principals")
_IS_SERVICE = "aws:principalisawsservice"
_OF_NO_SERVICE = frozenset(
    {"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:sourceip"}
)
_rule: contextvars.ContextVar[str] = contextvars.ContextVar("local_eventbridge_rule", default="")
"""ARN of the rule whose target is served."""


def apply(
    iam_evaluator: ModuleType, iam: ModuleType, eventbridge: ModuleType, sqs: ModuleType
) -> None:
    require(iam_evaluator, "_role_name_from_assumed_arn", "assumed_arn")
    require(iam, "_roles")
    allows = require(
        sqs, "queue_policy_allows", "queue_arn", "service", "source_arn", "source_account"
    )
    wrap(
        iam_evaluator,
        "_resolve_condition_key",
        "key",
        "ctx",
        by=lambda inner: _keys(inner, iam_evaluator, iam),
    )
    wrap(eventbridge, "_invoke_target", "target", "event", "rule", by=_remembering)
    wrap(
        eventbridge, "_dispatch_to_sqs", "spec", "payload", by=lambda inner: _asking(inner, allows)
    )


def _keys(inner: Callable[..., Any], iam_evaluator: Any, iam: Any) -> Callable[..., Any]:
    def resolve(key: str, ctx: Any) -> Any:
        name = key.lower()
        service = ctx.principal_type == "Service"
        if name == _IS_SERVICE:
            return str(service).lower()
        if service and name in _OF_NO_SERVICE:
            return None
        if service and name == "aws:securetransport":
            return "true"
        found = inner(key, ctx)
        if name == "aws:principalarn" and ":assumed-role/" in str(found):
            account = ctx.principal_arn.split(":")[4]
            role_name = iam_evaluator._role_name_from_assumed_arn(ctx.principal_arn)
            role = iam._roles.get_scoped(account, None, role_name) or {}
            return role.get("Arn", f"arn:aws:iam::{account}:role/{role_name}")
        return found

    return resolve


def _remembering(inner: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(target: Any, event: Any, rule: Mapping[str, Any], *rest: Any) -> Any:
        token = _rule.set(str(rule.get("Arn", "")))
        try:
            return inner(target, event, rule, *rest)
        finally:
            _rule.reset(token)

    return invoke


def _asking(inner: Callable[..., Any], allows: Callable[..., bool]) -> Callable[..., Any]:
    def dispatch(spec: Any, payload: str, *rest: Any) -> Any:
        rule = _rule.get()
        account = rule.split(":")[4] if rule else ""
        if not allows(str(spec), "events.amazonaws.com", rule, account):
            _log.warning("the policy of %s lets %s bring nothing", spec, rule or "EventBridge")
            return None
        return inner(spec, payload, *rest)

    return dispatch
