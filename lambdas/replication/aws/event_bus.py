"""Puts events on the bus of the stack, at most ten a call."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from replication.aws.answers import FAILED_CALL
from replication.aws.batches import by_size

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

BYTES_A_CALL = 256_000
"""Under the smallest limit that PutEvents has had for all entries of a call, 256 KB."""
ATTEMPTS = 3
PAUSE_SECONDS = 0.2
"""Before the second attempt; twice as long before the third."""


class EventBus:
    def __init__(
        self,
        client: "EventBridgeClient",
        name: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def put(self, source: str, detail_type: str, details: Sequence[str]) -> dict[int, str]:
        """Puts an event for each detail, which is JSON text. Entries that fail are tried again,
        without the others. Those that failed every time, by their place, with EventBridge's reason;
        an error of a call is in the result and not raised."""
        entries: list[PutEventsRequestEntryTypeDef] = [
            {
                "EventBusName": self._name,
                "Source": source,
                "DetailType": detail_type,
                "Detail": detail,
            }
            for detail in details
        ]
        failed = dict.fromkeys(range(len(entries)), "")
        for attempt in range(ATTEMPTS):
            if not failed:
                break
            if attempt:
                self._sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
            failed = {
                number: reason
                for batch in by_size(failed, lambda number: _size(entries[number]), BYTES_A_CALL)
                for number, reason in self._put(batch, entries).items()
            }
        return failed

    def _put(
        self, batch: Sequence[int], entries: "Sequence[PutEventsRequestEntryTypeDef]"
    ) -> dict[int, str]:
        """What failed of one call."""
        try:
            answer = self._client.put_events(Entries=[entries[number] for number in batch])
        except FAILED_CALL as error:
            return dict.fromkeys(batch, str(error))
        return {
            number: f"{result.get('ErrorCode')}: {result.get('ErrorMessage', '')}"
            for number, result in zip(batch, answer["Entries"], strict=True)
            if "EventId" not in result
        }


def _size(entry: "PutEventsRequestEntryTypeDef") -> int:
    """Bytes as EventBridge counts them: source, detail type and detail."""
    texts = (entry["Source"], entry["DetailType"], entry["Detail"])
    return sum(len(text.encode()) for text in texts)
