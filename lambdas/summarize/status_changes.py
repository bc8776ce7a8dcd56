"""Hands changes of status to the queue of the publisher, when events were asked for."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replication.errors import Unreadable
from replication.ledger.item import LedgerItem
from replication.published.status_event import status_event, word

log = logging.getLogger(__name__)

Images = tuple[LedgerItem | None, LedgerItem | None]
"""An item before and after a change."""


@dataclass(frozen=True, slots=True)
class StatusChanges:
    """Which changes become events, and where they go.

    read        both images of a record of the stream; raises Unreadable
    send        hands on bodies, all of them, or raises Unavailable
    statuses    words of the statuses whose beginning is an event (`status_event.word`)
    buckets     source buckets; none: all
    """

    read: Callable[[Mapping[str, Any]], Images]
    send: Callable[[Sequence[str]], None]
    statuses: frozenset[str]
    buckets: frozenset[str]

    def hand_on(self, records: Iterable[Mapping[str, Any]]) -> None:
        """The changes of a batch. Unavailable when it has to come again; some may be in the queue
        then, and are there twice afterwards."""
        self.send(list(self._bodies(records)))

    def _bodies(self, records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        for record in records:
            try:
                found = status_event(*self.read(record))
            except Unreadable as error:
                log.error("no event of an unreadable record: %s", error)
                continue
            if found and word(found) in self.statuses and self._is_wanted(found["bucket"]):
                yield json.dumps(found)

    def _is_wanted(self, bucket: str) -> bool:
        return not self.buckets or bucket in self.buckets
