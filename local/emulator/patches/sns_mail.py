"""E-mail subscriptions wait for their confirmation, and then get mails, which can be read here.

AWS: a subscription of protocol `email` is pending until its owner opens a link; Subscribe and
ListSubscriptionsByTopic name it `pending confirmation` and `PendingConfirmation` until then. A
mail has the text that the message has for `email`, or the whole message.
MiniStack 1.5.33: confirms it at once and delivers nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.adjustable import SettingsError
from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

_KINDS = ("email", "email-json")


class Mailboxes:
    """What was sent, and who confirms: PATCH `{"confirm": address}` opens the link in the mail."""

    def __init__(self, sns: Any) -> None:
        self._sns = sns
        self._sent: list[dict[str, str]] = []

    def configure(self, values: Mapping[str, Any]) -> None:
        """`SettingsError` when that address is not subscribed."""
        if {*values} != {"confirm"}:
            raise SettingsError('give {"confirm": "address"}')
        everybody = [one for arn in self._sns._topics.values() for one in self._of(arn["arn"])]
        pending = [one for one in everybody if one["endpoint"] == values["confirm"]]
        if not pending:
            raise SettingsError(f"{values['confirm']} is not subscribed")
        for one in pending:
            one["confirmed"] = True
            one["attributes"]["PendingConfirmation"] = "false"

    def describe(self) -> dict[str, Any]:
        """Every mail that was sent, in order."""
        return {"mails": self._sent}

    def _of(self, topic_arn: str) -> list[dict[str, Any]]:
        topic = self._sns._topic_by_arn_any_scope(topic_arn)
        found = topic["subscriptions"] if topic else ()
        return [one for one in found if one["protocol"] in _KINDS]

    def knows(self, topic_arn: str, endpoint: str, protocol: str) -> bool:
        return any(
            (one["endpoint"], one["protocol"]) == (endpoint, protocol)
            for one in self._of(topic_arn)
        )

    def hold_back(self, topic_arn: str, endpoint: str, protocol: str) -> None:
        """A subscription that was just made waits."""
        for one in self._of(topic_arn):
            if (one["endpoint"], one["protocol"]) == (endpoint, protocol):
                one["confirmed"] = False
                one["attributes"]["PendingConfirmation"] = "true"

    def pending_arns(self, topic_arn: str) -> list[str]:
        return [one["arn"] for one in self._of(topic_arn) if not one["confirmed"]]

    def deliver(
        self, topic_arn: str, message: str, subject: str, structure: str, attributes: Any
    ) -> None:
        for one in self._of(topic_arn):
            if not one["confirmed"]:
                continue
            text = self._sns._resolve_message_for_protocol(message, structure, one["protocol"])
            if self._sns._matches_filter_policy(one, attributes or {}, text):
                mail = {"to": one["endpoint"], "subject": subject, "text": text}
                self._sent.append(mail | {"topic": topic_arn})


def apply(sns: ModuleType) -> Mailboxes:
    boxes = Mailboxes(sns)
    for name in ("_topics", "_topic_by_arn_any_scope", "_p"):
        require(sns, name)
    require(sns, "_resolve_message_for_protocol", "message", "message_structure", "protocol")
    require(sns, "_matches_filter_policy", "sub", "message_attributes", "message")
    wrap(sns, "_subscribe", "params", by=lambda inner: _subscribing(inner, sns, boxes))
    wrap(
        sns,
        "_list_subscriptions_by_topic",
        "params",
        by=lambda inner: _listing(inner, sns, boxes),
    )
    wrap(
        sns,
        "_fanout",
        *("topic_arn", "msg_id", "message", "subject", "message_structure", "message_attributes"),
        by=lambda inner: _delivering(inner, boxes),
    )
    return boxes


def _subscribing(inner: Callable[..., Any], sns: Any, boxes: Mailboxes) -> Callable[..., Any]:
    def subscribe(params: Any) -> Any:
        protocol, topic_arn = sns._p(params, "Protocol"), sns._p(params, "TopicArn")
        endpoint = sns._p(params, "Endpoint")
        is_new = protocol in _KINDS and not boxes.knows(topic_arn, endpoint, protocol)
        status, headers, body = inner(params)
        if status == 200 and is_new:
            boxes.hold_back(topic_arn, endpoint, protocol)
        return (
            status,
            headers,
            _without(body, boxes.pending_arns(topic_arn), "pending confirmation"),
        )

    return subscribe


def _listing(inner: Callable[..., Any], sns: Any, boxes: Mailboxes) -> Callable[..., Any]:
    def answer(params: Any) -> Any:
        status, headers, body = inner(params)
        pending = boxes.pending_arns(sns._p(params, "TopicArn"))
        return status, headers, _without(body, pending, "PendingConfirmation")

    return answer


def _without(body: bytes | str, arns: list[str], word: str) -> bytes:
    text = body if isinstance(body, str) else body.decode()
    for arn in arns:
        text = text.replace(f"<SubscriptionArn>{arn}<", f"<SubscriptionArn>{word}<")
    return text.encode()


def _delivering(inner: Callable[..., Any], boxes: Mailboxes) -> Callable[..., Any]:
    def fanout(
        topic_arn: str,
        msg_id: str,
        message: str,
        subject: str,
        message_structure: str = "",
        message_attributes: Any = None,
        *rest: Any,
        **more: Any,
    ) -> Any:
        boxes.deliver(topic_arn, message, subject, message_structure, message_attributes)
        return inner(
            topic_arn,
            msg_id,
            message,
            subject,
            message_structure,
            message_attributes,
            *rest,
            **more,
        )

    return fanout
