"""Who is not notified, and what to do about it."""

import pytest

from replication.published.subscription import Subscription, chat_findings, mail_findings

PENDING = Subscription("email", "a@example.com", confirmed=False)
QUEUE = Subscription("sqs", "arn:aws:sqs:us-east-1:1:queue", confirmed=True)


@pytest.mark.parametrize("protocol", ["email", "email-json"])
def test_a_pending_address_is_found_whoever_subscribed_it(protocol: str) -> None:
    (found,) = mail_findings([Subscription(protocol, "x@example.com", confirmed=False), QUEUE], [])
    assert found.bucket is None
    assert "x@example.com has not confirmed" in found.finding
    assert "Open the link" in found.fix


def test_a_pending_address_of_the_deployment_is_one_finding() -> None:
    assert len(list(mail_findings([PENDING], ["A@Example.com"]))) == 1


def test_an_address_without_a_subscription_is_found() -> None:
    (found,) = mail_findings([QUEUE], ["a@example.com"])
    assert "not subscribed" in found.finding


def test_whoever_confirmed_is_no_finding() -> None:
    confirmed = Subscription("email", "a@example.com", confirmed=True)
    assert list(mail_findings([confirmed, QUEUE], ["a@example.com"])) == []


def test_a_chat_needs_a_subscriber() -> None:
    assert list(chat_findings([QUEUE])) == []
    (found,) = chat_findings([])
    assert "ChatTopicArn" in found.fix
