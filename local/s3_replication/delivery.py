"""The clock and the way out of events, on MiniStack.

Events are delivered on MiniStack's event loop, after the request that caused them, in the account
of the bucket they are about.
"""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import json
import random
import uuid
from collections import deque
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from local.s3_replication import events
from local.s3_replication.events import ObjectEvent, Origin
from local.s3_replication.faults import deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.s3_replication.settings import Settings

_USER = "AWS:AIDALOCALUSER"
_REPLICATION = "AWS:AROALOCALREPLICATION:s3-replication"
_REPLICATION_IP = "10.0.114.7"
"""Replicas are written from an ordinary address of S3's own network."""


class LoopTimers:
    """`ports.Timers` on an asyncio loop; an action runs in the context it was asked for in."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return datetime.now(UTC)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        arm = partial(self._loop.call_later, seconds, action, context=contextvars.copy_context())
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            arm()
        else:
            self._loop.call_soon_threadsafe(arm)


_LOST_KEPT = 100_000
What = tuple[str, str, str, str | None]
"""Name, bucket, key and version id of an event."""


class MiniStackAnnouncer:
    """`ports.Announcer`: to queues, topics and functions, and to EventBridge.

    `lost` are the events that `event_drop_rate` took away, the latest ones: whoever checks a
    consumer can tell what it was never told.
    """

    def __init__(self, s3: Any, timers: LoopTimers, settings: Settings) -> None:
        self._s3 = s3
        self._timers = timers
        self.lost: deque[What] = deque(maxlen=_LOST_KEPT)
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        self._settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311 - faults, not secrets

    def sequencer(self) -> str:
        """The next one: they ascend for all keys alike."""
        return str(self._s3._next_event_sequencer("s3:ObjectCreated:"))

    def origin(self, sequencer: str | None = None) -> Origin:
        """A new operation, by the caller of the request at hand."""
        from ministack.core.responses import get_account_id, get_request_client_ip

        return Origin(
            at=self._timers.now(),
            sequencer=sequencer or self.sequencer(),
            request_id=uuid.uuid4().hex[:16].upper(),
            source_ip=get_request_client_ip(),
            requester=get_account_id(),
            principal_id=_USER,
        )

    def replica_event(
        self, source: ObjectEvent, name: str, bucket: str, region: str
    ) -> ObjectEvent:
        origin = dataclasses.replace(
            self.origin(), principal_id=_REPLICATION, source_ip=_REPLICATION_IP
        )
        return dataclasses.replace(
            source, name=name, bucket=bucket, region=region, origin=origin, record_extra={}
        )

    def announce(self, event: ObjectEvent) -> None:
        what = (event.name, event.bucket, event.key, event.version_id)
        self._notify(what, events.notification(event))
        detail = events.eventbridge(event)
        if detail is not None:
            self._put_on_bus(event, *detail)

    def announce_replication(self, bucket: str, key: str, record: Mapping[str, Any]) -> None:
        version_id = record["s3"]["object"]["versionId"]
        self._notify((str(record["eventName"]), bucket, key, version_id), record)

    def _notify(self, what: What, record: Mapping[str, Any]) -> None:
        """Send the record to each configuration of the bucket that names this event and key."""
        name, bucket, key, _ = what
        owner = self._s3._bucket_owner_account(bucket)
        if owner is None:
            return
        with self._s3._in_account(owner):
            for config in self._s3._parse_notification_config(bucket):
                wanted = self._s3._event_matches(f"s3:{name}", config["events"])
                if wanted and self._s3._key_matches_filter(
                    key, config["filter_prefix"], config["filter_suffix"]
                ):
                    s3 = record["s3"] | {"configurationId": config["id"]}
                    body = {"Records": [{**record, "s3": s3}]}
                    self._send(what, partial(self._deliver, owner, config, bucket, body))

    def _deliver(
        self, owner: str, config: Mapping[str, Any], bucket: str, body: dict[str, Any]
    ) -> None:
        """In the account and the Region of the bucket, wherever the write was that led to it."""
        from ministack.core.responses import request_scope

        with self._s3._in_account(owner):
            region = self._s3._notification_bucket_region(bucket)
        with request_scope(owner, region):
            self._hand_over(config, bucket, body, region)

    def _hand_over(
        self, config: Mapping[str, Any], bucket: str, body: dict[str, Any], region: str
    ) -> None:
        match config["type"]:
            case "sqs":
                self._s3._deliver_event_to_sqs(config["arn"], body, region, bucket_name=bucket)
            case "sns":
                self._s3._deliver_event_to_sns(config["arn"], body, region, bucket_name=bucket)
            case "lambda":
                self._s3._deliver_event_to_lambda(config["arn"], body, region)
            case unknown:
                raise ValueError(f"no way to notify a {unknown}")

    def _put_on_bus(self, event: ObjectEvent, detail_type: str, detail: dict[str, Any]) -> None:
        owner = self._s3._bucket_owner_account(event.bucket)
        if owner is None:
            return
        with self._s3._in_account(owner):
            if "EventBridgeConfiguration" not in self._s3._bucket_notifications.get(
                event.bucket, ""
            ):
                return
            entry = {
                "EventId": str(uuid.uuid4()),
                "Source": "aws.s3",
                "DetailType": detail_type,
                "Detail": json.dumps(detail),
                "EventBusName": "default",
                "Time": int(event.origin.at.timestamp()),
                "Resources": [f"arn:aws:s3:::{event.bucket}"],
                "Account": owner,
                "Region": event.region,
            }
            what = (event.name, event.bucket, event.key, event.version_id)
            self._send(what, partial(dispatch, entry))

    def _send(self, what: What, delivery: Callable[[], None]) -> None:
        times = deliveries(self._settings, self._random)
        if not times:
            self.lost.append(what)
        for seconds in times:
            self._timers.later(seconds, delivery)


def dispatch(entry: dict[str, Any]) -> None:
    """Give the event to the default bus of its own account and Region, and to its archives."""
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    with request_scope(entry["Account"], entry["Region"]):
        eventbridge._dispatch_event(entry)
        eventbridge._archive_event(entry)
