"""SNS's e-mail subscriptions: pending until they are confirmed, then mails that can be read."""

from __future__ import annotations

import json
import urllib.error
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.local.conftest import Emulator

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def listed(sns: Any, topic: str) -> dict[str, str]:
    found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return {one["Endpoint"]: one["SubscriptionArn"] for one in found}


def test_an_address_gets_nothing_until_it_is_confirmed_and_then_its_own_text(
    emulator: Emulator,
) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="mails")["TopicArn"]
    for address in ("a@example.com", "b@example.com"):
        made = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
        assert made["SubscriptionArn"] == "pending confirmation"
    assert set(listed(sns, topic).values()) == {"PendingConfirmation"}
    with pytest.raises(urllib.error.HTTPError):
        emulator.admin({"confirm": "stranger@example.com"}, of="mail")

    text = json.dumps({"default": "{}", "email": "Read this."})
    sns.publish(TopicArn=topic, Subject="early", Message=text, MessageStructure="json")
    emulator.admin({"confirm": "a@example.com"}, of="mail")
    assert listed(sns, topic)["a@example.com"].startswith(topic)
    assert listed(sns, topic)["b@example.com"] == "PendingConfirmation"
    sns.publish(TopicArn=topic, Subject="late", Message=text, MessageStructure="json")
    sns.publish(TopicArn=topic, Subject="plain", Message="as it is")
    mails = [one for one in emulator.admin(of="mail")["mails"] if one["topic"] == topic]
    assert [(one["to"], one["subject"], one["text"]) for one in mails] == [
        ("a@example.com", "late", "Read this."),
        ("a@example.com", "plain", "as it is"),
    ]
