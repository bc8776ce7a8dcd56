"""A stack subscribes to topics of other Regions and accounts, or fails.

AWS: `AWS::SNS::Subscription` subscribes in its `Region`; the stack fails when the topic is not
there or its policy does not let the stack's account subscribe. A queue of another account than the
subscriber's gets nothing until its owner confirms. From or to a Region that accounts have to enable
SNS brings messages under a name of that Region, and between two of these it brings none. A topic's
policy can ask what is to be subscribed (`sns:Endpoint`, `sns:Protocol`).
MiniStack 1.5.33: ignores `Region`, makes nothing and says nothing when it finds no topic, asks no
policy, takes every queue's subscription for confirmed, has one name for SNS everywhere, and knows
neither key.
"""

from __future__ import annotations

import contextvars
import logging
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    Properties = Mapping[str, Any]

_log = logging.getLogger("local.subscriptions")
TYPE = "AWS::SNS::Subscription"
_SNS = "sns.amazonaws.com"
_IDENTITY = ("TopicArn", "Protocol", "Endpoint", "Region")
_ATTRIBUTES = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)
OPT_IN_REGIONS = frozenset(
    {
        *("af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3"),
        *("ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-west-1"),
        *("eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1"),
        *("me-south-1", "mx-central-1"),
    }
)
"""Launched after March 20, 2019; from AWS Account Management, "Enable or disable Regions"."""


_NOTHING: Mapping[str, str] = {}
_asked: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar(
    "local_sns_subscribe", default=_NOTHING
)
"""What is to be subscribed, by condition key."""


def apply(
    sns: ModuleType, sqs: ModuleType, iam_evaluator: ModuleType, provisioners: ModuleType
) -> None:
    handlers = require(provisioners, "_RESOURCE_HANDLERS")
    for name in ("_unsubscribe", "_set_subscription_attributes", "_find_subscription"):
        require(sns, name)
    wrap(sns, "_subscribe", "params", by=lambda inner: _confirming(inner, sns))
    wrap(iam_evaluator, "_resolve_condition_key", "key", "ctx", by=_keys)
    queue = ("queue_arn", "service", "source_arn", "source_account")
    wrap(sqs, "queue_policy_allows", *queue, by=_of_region)
    made = _Provisioner(sns)
    handlers[TYPE] = {
        "create": made.create,
        "update": made.update,
        "update_with_logical_id": True,
        "delete": made.delete,
    }


class _Provisioner:
    """The resource type, by way of the service's own calls."""

    def __init__(self, sns: Any) -> None:
        self._sns = sns

    def create(self, _logical_id: str, props: Properties, _stack_name: str) -> Any:
        params = {name: [str(props.get(name, ""))] for name in ("TopicArn", "Protocol", "Endpoint")}
        for number, (name, value) in enumerate(_attributes(props).items(), start=1):
            params[f"Attributes.entry.{number}.key"] = [name]
            params[f"Attributes.entry.{number}.value"] = [value]
        with _scope(props):
            answer = _checked(self._sns._subscribe(params))
        arn = answer.partition("<SubscriptionArn>")[2].partition("</SubscriptionArn>")[0]
        return arn, {"Arn": arn}

    def update(
        self, arn: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Any:
        if any(old.get(name) != new.get(name) for name in _IDENTITY):
            made = self.create(logical_id, new, stack_name)
            self.delete(arn, old)
            return made
        before, after = _attributes(old), _attributes(new)
        with _scope(new):
            for name in sorted({*before, *after}):
                change = {"AttributeName": name, "AttributeValue": after.get(name, "")}
                params = {key: [value] for key, value in change.items()}
                params["SubscriptionArn"] = [arn]
                _checked(self._sns._set_subscription_attributes(params))
        return arn, {"Arn": arn}

    def delete(self, arn: str, props: Properties) -> None:
        with _scope(props):
            self._sns._unsubscribe({"SubscriptionArn": [arn]})


def _scope(props: Properties) -> Any:
    """The stack's account, in the Region that the resource names."""
    from ministack.core.responses import get_account_id, get_region, request_scope

    return request_scope(get_account_id(), props.get("Region") or get_region())


def _attributes(props: Properties) -> dict[str, str]:
    from ministack.services.cloudformation.provisioners import _sns_sub_attributes

    found = _sns_sub_attributes({name: props[name] for name in _ATTRIBUTES if name in props})
    return dict(found)


def _checked(response: Any) -> str:
    status, _, body = response
    if status >= 400:
        raise ValueError(f"{TYPE}: {body.decode()}")
    return str(body.decode())


def _confirming(inner: Callable[..., Any], sns: Any) -> Callable[..., Any]:
    """The owner of a queue is the one who may subscribe it without a confirmation."""

    def subscribe(params: Mapping[str, Any]) -> Any:
        from ministack.core.responses import get_account_id, new_uuid

        endpoint, topic_arn = sns._p(params, "Endpoint"), sns._p(params, "TopicArn")
        protocol = sns._p(params, "Protocol")
        token = _asked.set({"sns:endpoint": endpoint, "sns:protocol": protocol})
        try:
            response = inner(params)
        finally:
            _asked.reset(token)
        if response[0] >= 400 or protocol != "sqs":
            return response
        if endpoint.split(":")[4] == get_account_id():
            return response
        topic = sns._topic_by_arn_any_scope(topic_arn)
        for sub in topic["subscriptions"]:
            if sub["endpoint"] == endpoint and sub["owner"] == get_account_id():
                sub.update(confirmed=False, token=new_uuid())
                sub["attributes"]["PendingConfirmation"] = "true"
        sns._refresh_subscription_counts(topic)
        return response

    return subscribe


def _keys(inner: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(key: str, ctx: Any) -> Any:
        return _asked.get().get(key.lower()) or inner(key, ctx)

    return resolve


def _of_region(inner: Callable[..., bool]) -> Callable[..., bool]:
    def allows(queue_arn: str, service: str, source_arn: str, source_account: str) -> bool:
        if service != _SNS:
            return inner(queue_arn, service, source_arn, source_account)
        name = principal(source_arn, queue_arn)
        if name is None:
            _log.warning("SNS brings nothing from %s to %s", source_arn, queue_arn)
            return False
        return inner(queue_arn, name, source_arn, source_account)

    return allows


def principal(topic_arn: str, queue_arn: str) -> str | None:
    """Who SNS is to the queue's policy; None where SNS brings nothing."""
    regions = [arn.split(":")[3] for arn in (topic_arn, queue_arn)]
    named = [region for region in regions if region in OPT_IN_REGIONS]
    if regions[0] == regions[1] or not named:
        return _SNS
    return f"sns.{named[0]}.amazonaws.com" if len(named) == 1 else None
