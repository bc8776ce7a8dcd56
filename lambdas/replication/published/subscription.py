"""Whether those who are to be notified are subscribed. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from replication.s3.bucket_setup import Finding, Severity


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to a topic. `endpoint` is an address, a URL or an ARN, as `protocol` says."""

    protocol: str
    endpoint: str
    confirmed: bool


def mail_findings(
    subscriptions: Sequence[Subscription], addresses: Sequence[str]
) -> Iterator[Finding]:
    """Of e-mail subscriptions to the incident topic: who has not confirmed, and which of the
    deployment's `addresses` are not subscribed at all. SNS deletes a subscription that is not
    confirmed within two days, and CloudFormation does not notice."""
    mails = [one for one in subscriptions if one.protocol.startswith("email")]
    for one in mails:
        if not one.confirmed:
            yield _warning(
                f"{one.endpoint} has not confirmed its subscription to incidents, so it gets none.",
                "Open the link in the mail from AWS Notifications. When it is lost or older than"
                " two days, subscribe the address to IncidentTopicArn again.",
            )
    known = {one.endpoint.casefold() for one in mails}
    for address in addresses:
        if address.casefold() not in known:
            yield _warning(
                f"{address} is in notify_emails and not subscribed to incidents: it was not"
                " confirmed within two days, or unsubscribed itself.",
                "Subscribe it again (aws sns subscribe --protocol email --topic-arn with"
                " IncidentTopicArn) and open the link in the mail; or take it out of"
                " notify_emails.",
            )


def chat_findings(subscriptions: Sequence[Subscription]) -> Iterator[Finding]:
    """Of subscriptions to the chat topic, of which there is at least one when it is connected."""
    if not subscriptions:
        yield _warning(
            "No chat channel is connected to the chat topic, so its messages go nowhere.",
            "Connect ChatTopicArn to a channel in Amazon Q Developer in chat applications, or"
            " deploy without chat.",
        )


def _warning(finding: str, fix: str) -> Finding:
    return Finding(None, "notifications-to-people", Severity.WARNING, finding, fix)
