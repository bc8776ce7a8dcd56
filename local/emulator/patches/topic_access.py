"""What a service publishes to a topic needs the topic's policy, and its key's.

AWS: EventBridge publishes to a topic only if its policy lets `events.amazonaws.com`; it does
not say for which rule, so conditions on that never hold. Who publishes to an encrypted topic needs
to be let use its key; the policy of SNS's own key (alias/aws/sns) lets no other service.
MiniStack 1.5.33: EventBridge asks no topic's policy, CloudFormation makes every topic without its
key, and no key is asked.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

_log = logging.getLogger("local.topic_access")
_EVENTS = "events.amazonaws.com"
_TOPIC = "AWS::SNS::Topic"
_USES = ("kms:GenerateDataKey", "kms:Decrypt")


def apply(
    sns: ModuleType, kms: ModuleType, eventbridge: ModuleType, provisioners: ModuleType
) -> None:
    for name in ("key_policy_for_arn", "_resolve_key"):
        require(kms, name)
    handlers = require(provisioners, "_RESOURCE_HANDLERS")
    made = handlers[_TOPIC]
    handlers[_TOPIC] = {
        **made,
        "create": lambda *args: _keyed(sns, args[1], made["create"](*args)),
        "update": lambda *args: _keyed(sns, args[2], made["update"](*args)),
    }
    topic = ("topic_arn", "service", "source_arn", "source_account")
    wrap(sns, "topic_policy_allows", *topic, by=lambda inner: _with_key(inner, sns, kms))
    wrap(eventbridge, "_dispatch_to_sns", "arn", "payload", by=lambda inner: _asking(inner, sns))


def key_allows(
    sns: Any, kms: Any, topic_arn: str, service: str, context: Mapping[str, Any]
) -> bool:
    """Whether the service may use the topic's key, if the topic has one."""
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.core.responses import request_scope

    topic = sns._topic_by_arn_any_scope(topic_arn)
    key = (topic or {}).get("attributes", {}).get("KmsMasterKeyId")
    if not key:
        return True
    _, _, _, region, account, _ = topic_arn.split(":")
    with request_scope(account, region):
        found = kms.key_policy_for_arn(key)
        arn = (kms._resolve_key(key) or {}).get("Arn", "")
        if found is None:
            return False
        return all(
            evaluate_resource_policy(
                found[0],
                EvalContext(
                    principal_arn="*",
                    principal_type="Service",
                    principal_account="",
                    action=action,
                    resource_arn=arn,
                    region=region,
                    service_context=dict(context),
                ),
                service=service,
            ).decision
            == "Allow"
            for action in _USES
        )


def _keyed(sns: Any, props: Mapping[str, Any], made: Any) -> Any:
    attributes = sns._topics[made[0]]["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if props.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = props["KmsMasterKeyId"]
    return made


def _with_key(inner: Callable[..., bool], sns: Any, kms: Any) -> Callable[..., bool]:
    def allows(
        topic_arn: str, service: str, source_arn: str | None, source_account: str | None
    ) -> bool:
        from ministack import app

        if not inner(topic_arn, service, source_arn, source_account):
            return False
        context = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_account}
        return not app.AUTH or key_allows(sns, kms, topic_arn, service, context)

    return allows


def _asking(inner: Callable[..., Any], sns: Any) -> Callable[..., Any]:
    def dispatch(arn: str, payload: str) -> Any:
        if sns._topic_by_arn_any_scope(arn) and not sns.topic_policy_allows(
            arn, _EVENTS, None, None
        ):
            _log.warning("the policy of %s or of its key lets EventBridge publish nothing", arn)
            return None
        return inner(arn, payload)

    return dispatch
