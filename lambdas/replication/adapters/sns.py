"""The failure topic: announcements out, ten a call and a few calls at once."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from replication.announcements import Announcement

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import PublishBatchRequestEntryTypeDef

ENTRIES_A_CALL = 10
BYTES_A_CALL = 262_144
"""PublishBatch counts bodies and attributes (names, types and values) of all its entries."""

THREADS = 4

# Codes of an entry that no retry changes: SNS does not take this very message. Everything else,
# a denied key of KMS for one, can be put right while the stream still has the record.
_MESSAGE_REFUSED = frozenset({"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"})


@dataclass(frozen=True, slots=True)
class Published:
    """What did not go out, as places in what was to be published.

    `failed` may succeed later; `refused` never will, each with SNS's reason."""

    failed: frozenset[int]
    refused: dict[int, str]


class FailureTopic:
    """`client` is shared by threads; boto3's is safe for that."""

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, announcements: Sequence[Announcement]) -> Published:
        """Publishes all of them, in any order. Raises nothing that AWS may answer."""
        entries = [_entry(number, one) for number, one in enumerate(announcements)]
        failed: set[int] = set()
        refused: dict[int, str] = {}
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            for result in pool.map(self._publish, _batches(entries)):
                failed |= result.failed
                refused |= result.refused
        return Published(frozenset(failed), refused)

    def _publish(self, batch: Sequence["PublishBatchRequestEntryTypeDef"]) -> Published:
        try:
            answer = self._client.publish_batch(
                TopicArn=self._topic_arn, PublishBatchRequestEntries=batch
            )
        except (ClientError, BotoCoreError):
            return Published(frozenset(int(entry["Id"]) for entry in batch), {})
        # An entry that is not named as successful was not published.
        missing = {int(entry["Id"]) for entry in batch}
        missing -= {int(entry["Id"]) for entry in answer.get("Successful", [])}
        refused = {
            int(entry["Id"]): f"{entry['Code']}: {entry.get('Message', '')}"
            for entry in answer.get("Failed", [])
            if entry["Code"] in _MESSAGE_REFUSED
        }
        return Published(frozenset(missing - refused.keys()), refused)


def _entry(number: int, announcement: Announcement) -> "PublishBatchRequestEntryTypeDef":
    return {
        "Id": str(number),
        "Subject": announcement.subject,
        "Message": json.dumps(announcement.body),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in announcement.attributes.items()
        },
    }


def _batches(
    entries: Iterable["PublishBatchRequestEntryTypeDef"],
) -> list[list["PublishBatchRequestEntryTypeDef"]]:
    batches: list[list[PublishBatchRequestEntryTypeDef]] = []
    room = 0
    for entry in entries:
        size = _size(entry)
        if not batches or len(batches[-1]) == ENTRIES_A_CALL or size > room:
            batches.append([])
            room = BYTES_A_CALL
        batches[-1].append(entry)
        room -= size
    return batches


def _size(entry: "PublishBatchRequestEntryTypeDef") -> int:
    """Bytes, the subject included to be on the safe side."""
    texts = [entry["Message"], entry.get("Subject", "")]
    for name, attribute in entry.get("MessageAttributes", {}).items():
        texts += [name, attribute["DataType"], attribute.get("StringValue", "")]
    return sum(len(text.encode()) for text in texts)
