"""SQS as these commands use it: send first, delete after, and know what became of each message."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

BATCH_ENTRIES = 10
BATCH_BYTES = 240_000
"""Under the smallest limit SQS has had for a batch (262,144 bytes); a larger message goes alone."""

WAIT_SECONDS = 1
"""Longer than none: SQS then asks all of its servers."""

ATTEMPTS = 4
"""For a message that SQS refuses for a fault of its own while it takes the others."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one message: its id in the queue, or why it is not there."""

    message_id: str | None
    refusal: str | None


def batches(bodies: Iterable[str]) -> Iterator[list[str]]:
    """In order, no batch larger than SQS takes."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if batch and (len(batch) == BATCH_ENTRIES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch


def send(client: Any, url: str, bodies: Sequence[str]) -> list[Sent]:
    """One batch, in the order of `bodies`. What SQS refuses for a fault of its own is tried
    again."""
    found = [Sent(None, "not tried")] * len(bodies)
    left = list(range(len(bodies)))
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(0.2 * 2**attempt)
        answer = client.send_message_batch(
            QueueUrl=url,
            Entries=[{"Id": str(number), "MessageBody": bodies[number]} for number in left],
        )
        for one in answer.get("Successful", ()):
            found[int(one["Id"])] = Sent(one["MessageId"], None)
        refused = answer.get("Failed", ())
        for one in refused:
            found[int(one["Id"])] = Sent(None, one.get("Message") or one["Code"])
        left = [int(one["Id"]) for one in refused if not one.get("SenderFault")]
        if not left:
            break
    return found


def receive(client: Any, url: str, hidden_seconds: int, most: int = BATCH_ENTRIES) -> list[Any]:
    """Up to ten messages, hidden from others for so long; an empty list when there seem to be no
    more."""
    answer = client.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=min(most, BATCH_ENTRIES),
        VisibilityTimeout=hidden_seconds,
        WaitTimeSeconds=WAIT_SECONDS,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    )
    messages: list[Any] = answer.get("Messages", [])
    return messages


def delete(client: Any, url: str, messages: Sequence[Any]) -> list[Any]:
    """Those that were deleted. One that was not is delivered again, which does no harm: facts are
    idempotent."""
    if not messages:
        return []
    answer = client.delete_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]}
            for number, one in enumerate(messages)
        ],
    )
    return [messages[int(one["Id"])] for one in answer.get("Successful", ())]


def give_back(client: Any, url: str, messages: Sequence[Any]) -> None:
    """Makes received messages visible to others at once."""
    for start in range(0, len(messages), BATCH_ENTRIES):
        client.change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {
                    "Id": str(number),
                    "ReceiptHandle": one["ReceiptHandle"],
                    "VisibilityTimeout": 0,
                }
                for number, one in enumerate(messages[start : start + BATCH_ENTRIES])
            ],
        )


def length(client: Any, url: str) -> int:
    """About how many messages can be received now."""
    name = "ApproximateNumberOfMessages"
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def attribute(message: Any, name: str) -> str | None:
    """A message attribute as text; None without it."""
    value = message.get("MessageAttributes", {}).get(name, {}).get("StringValue")
    return None if value is None else str(value)
