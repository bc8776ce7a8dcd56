"""The messages of the reconcile queue, and the time of the last tick of the schedule.

A message is the JSON of a `Window`, of a `LookBack` under `look_back`, or of a `RuleRead` under
`rules`. The tick is an item of
the table: pk `#reconcile`, sk `tick`, attribute `at`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from replication.aws.sqs import SqsQueue
from replication.aws.table import keys
from replication.aws.table.table import Table
from replication.ledger.index import Position, Route
from replication.ledger.schedule import LookBack, RuleRead, Window
from replication.s3.status import Status
from replication.times import Instant

_KEY = {"pk": {"S": keys.RECONCILE}, "sk": {"S": "tick"}}


Work = Window | LookBack | RuleRead


def encode(work: Work) -> str:
    if isinstance(work, RuleRead):
        return json.dumps({"rules": asdict(work)})
    if isinstance(work, LookBack):
        return json.dumps({"look_back": asdict(work)})
    return json.dumps(asdict(work))


def decode(body: str) -> Work:
    """The work of a message. KeyError, TypeError or ValueError when it is none."""
    read = json.loads(body)
    if "rules" in read:
        return RuleRead(read["rules"]["bucket"], Instant(read["rules"]["asked_at"]))
    if "look_back" in read:
        found = read["look_back"]
        return LookBack(
            found["bucket"],
            tuple(map(Instant, found["since"])),
            int(found["stage"]),
            _position(found),
        )
    return Window(
        route=Route(*read["route"]),
        status=Status(read["status"]) if read["status"] else None,
        since=Instant(read["since"]),
        until=Instant(read["until"]),
        after=_position(read),
        whole=bool(read.get("whole")),
        attempt=int(read.get("attempt", 0)),
    )


def _position(read: Mapping[str, Any]) -> Position | None:
    return Position(*read["after"]) if read["after"] else None


class WindowQueue:
    """The reconcile queue."""

    def __init__(self, queue: SqsQueue) -> None:
        self._queue = queue

    def send(self, works: Sequence[Work], delay_seconds: int = 0) -> None:
        """Unavailable unless SQS takes all of them. Sending some twice does no harm."""
        self._queue.send([encode(work) for work in works], delay_seconds)


class Ticks(Table):
    """When the schedule last ran to its end."""

    def last(self) -> Instant | None:
        item = self._item(_KEY)
        return Instant(item["at"]["S"]) if item else None

    def done(self, at: Instant) -> None:
        self._put(_KEY | {"at": {"S": at}})
