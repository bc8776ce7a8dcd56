"""The topics: failures, ten messages a call and a few calls at once, and incidents with chat."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from replication.aws.answers import FAILED_CALL, answering
from replication.aws.batches import by_size, text_attributes
from replication.published.sns_message import SnsMessage
from replication.threads import concurrently

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import PublishBatchRequestEntryTypeDef

log = logging.getLogger(__name__)

BYTES_A_CALL = 262_144
"""PublishBatch counts bodies and attributes (names, types and values) of all its entries."""

THREADS = 4

# Codes of an entry that SNS will never take. Any other fault, such as a denied KMS key, can be
# corrected while the stream still has the record.
_MESSAGE_REFUSED = frozenset({"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"})


@dataclass(frozen=True, slots=True)
class Published:
    """The messages that were not published, by their place in the sequence.

    failed      a retry may succeed
    refused     no retry succeeds; with SNS's reason
    """

    failed: frozenset[int]
    refused: dict[int, str]


class FailureTopic:
    """`client` is shared by threads; boto3's is safe for that."""

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, messages: Sequence[SnsMessage]) -> Published:
        """Publishes all messages, in any order. An error of AWS is in the result and not raised."""
        entries = [_content(one) | {"Id": str(number)} for number, one in enumerate(messages)]
        failed: set[int] = set()
        refused: dict[int, str] = {}
        for result in concurrently(self._publish, by_size(entries, _size, BYTES_A_CALL), THREADS):
            failed |= result.failed
            refused |= result.refused
        return Published(frozenset(failed), refused)

    def _publish(self, batch: Sequence["PublishBatchRequestEntryTypeDef"]) -> Published:
        try:
            answer = self._client.publish_batch(
                TopicArn=self._topic_arn, PublishBatchRequestEntries=batch
            )
        except FAILED_CALL:
            return Published(frozenset(int(entry["Id"]) for entry in batch), {})
        # Only entries that SNS names as successful were published.
        missing = {int(entry["Id"]) for entry in batch}
        missing -= {int(entry["Id"]) for entry in answer.get("Successful", [])}
        refused = {
            int(entry["Id"]): f"{entry['Code']}: {entry.get('Message', '')}"
            for entry in answer.get("Failed", [])
            if entry["Code"] in _MESSAGE_REFUSED
        }
        return Published(frozenset(missing - refused.keys()), refused)


class IncidentTopic:
    def __init__(self, client: "SNSClient", topic_arn: str, chat_topic_arn: str = "") -> None:
        """`chat_topic_arn`: empty where there is no chat."""
        self._client = client
        self._topic_arn = topic_arn
        self._chat_topic_arn = chat_topic_arn

    def publish(self, message: SnsMessage) -> None:
        """Unavailable when SNS does not take it for the incident topic. For the chat it is tried
        once and logged: what is wrong there must not keep the counters from going on."""
        with answering("the incident topic"):
            self._client.publish(TopicArn=self._topic_arn, **_content(message))
        if self._chat_topic_arn and message.chat is not None:
            try:
                self._client.publish(
                    TopicArn=self._chat_topic_arn, Message=json.dumps(message.chat)
                )
            except FAILED_CALL as error:
                log.error("the chat topic does not take %s: %s", message.subject, error)


def _content(message: SnsMessage) -> Any:
    """What Publish and an entry of PublishBatch take of a message.

    With `MessageStructure` SNS gives each protocol its own text, and all that are not named the
    `default`: programs get the same bytes whether there is a mail or not.
    """
    body = json.dumps(message.body)
    structured = {
        "Message": json.dumps({"default": body, "email": message.mail}),
        "MessageStructure": "json",
    }
    return {
        "Subject": message.subject,
        "Message": body,
        "MessageAttributes": text_attributes(message.attributes),
        **(structured if message.mail else {}),
    }


def _size(entry: "PublishBatchRequestEntryTypeDef") -> int:
    """Bytes, the subject included to be on the safe side."""
    texts = [entry["Message"], entry.get("Subject", "")]
    for name, attribute in entry.get("MessageAttributes", {}).items():
        texts += [name, attribute["DataType"], attribute.get("StringValue", "")]
    return sum(len(text.encode()) for text in texts)
