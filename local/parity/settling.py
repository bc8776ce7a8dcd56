"""When nothing is on its way any more: no replication, no event, no message, no window."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.request
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local import demo
from local.deploy import STACK_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.stack import Outputs

INGEST_RETRY_SECONDS = 15
"""In place of three minutes: how long a message waits for its next try."""
CHECK_BASE_SECONDS = 1
"""In place of 15 minutes."""
AGE_SECONDS = 4 * CHECK_BASE_SECONDS
"""Old enough for a first look, without Replication Time Control as well."""
_SECONDS = 240.0
_QUIET_SECONDS = 2.0

REPLICATION_SECONDS = 1.2
"""Of two buckets that have a delete marker since the same second nobody can tell which it was made
in. S3 takes seconds, so that this is rare there; it is to be as rare here."""
FAULTS: Mapping[str, float] = {
    "event_drop_rate": 0.05,
    "event_duplicate_rate": 0.1,
    "event_delay_rate": 0.2,
    "event_delay_seconds": 3.0,
}
NO_FAULTS: Mapping[str, float] = dict.fromkeys(FAULTS, 0.0)


class NotSettled(RuntimeError):
    """Something was still on its way after a long time."""


@dataclass
class Control:
    """What the run turns on and off beside S3: faults, schedules, reconciliation."""

    outputs: Outputs

    def __post_init__(self) -> None:
        self._sqs = demo.client("sqs", self.outputs.endpoint_url)
        self._lambda = demo.client("lambda", self.outputs.endpoint_url)
        self._events = demo.client("events", self.outputs.endpoint_url)
        self._dynamodb = demo.client("dynamodb", self.outputs.endpoint_url)
        resources = demo.client("cloudformation", self.outputs.endpoint_url)
        self._resources = {
            (each["ResourceType"], each["LogicalResourceId"]): each["PhysicalResourceId"]
            for page in resources.get_paginator("list_stack_resources").paginate(
                StackName=STACK_NAME
            )
            for each in page["StackResourceSummaries"]
        }

    def begin(self, faults: Mapping[str, Any]) -> None:
        """Messages that cannot be placed yet come again soon; ticks come when the run wants one."""
        self._sqs.set_queue_attributes(
            QueueUrl=self.ingest, Attributes={"VisibilityTimeout": str(INGEST_RETRY_SECONDS)}
        )
        self._events.disable_rule(Name=self._resource("AWS::Events::Rule", "ReconcilerTick"))
        self.configure(faults)

    def configure(self, settings: Mapping[str, Any]) -> None:
        self._admin(json.dumps(settings).encode())

    @property
    def ingest(self) -> str:
        return self.outputs.stack["IngestQueueUrl"]

    def lost(self) -> int:
        """How many events nobody was ever told."""
        return len(self._admin()["lost"])

    def settle(self) -> None:
        """Waits until every replication has ended and every message is recorded. The schedule's
        "read every configuration again", which comes once a minute, comes at once."""
        self._wait(lambda: self._admin()["stats"]["waiting"] == 0, "replications wait")
        time.sleep(FAULTS["event_delay_seconds"] * 2)
        self._refresh()
        self._wait(lambda: self._is_empty(self.ingest), "messages are not recorded")

    def wait_for_age(self) -> None:
        """Until whatever the ledger says now is old enough to be looked at."""
        time.sleep(AGE_SECONDS + 1)

    def reconcile(self) -> bool:
        """One tick and all its windows; whether the ledger says anything else afterwards."""
        before = self._digest()
        answer = self._lambda.invoke(
            FunctionName=self._resource("AWS::Lambda::Function", "ReconcilerReconcile")
        )
        if "FunctionError" in answer:
            raise NotSettled(f"the tick failed: {answer['Payload'].read().decode()}")
        windows = self._resource("AWS::SQS::Queue", "ReconcilerWindows")
        self._wait(lambda: self._is_empty(windows), "windows are not worked off")
        return self._digest() != before

    def dead_letters(self) -> int:
        return sum(
            self._count(url)
            for (kind, name), url in self._resources.items()
            if kind == "AWS::SQS::Queue" and "DeadLetters" in name
        )

    def _refresh(self) -> None:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "time": now,
            "resources": [],
            "detail": {},
        }
        self._sqs.send_message(QueueUrl=self.ingest, MessageBody=json.dumps(event))

    def _digest(self) -> str:
        """Of what every item of the ledger says, whatever its facts."""
        said = []
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self.outputs.stack["TableName"],
            ProjectionExpression="pk, sk, #s, arrived_at, lost_at, deleted_at",
            FilterExpression="attribute_exists(ord)",
            ExpressionAttributeNames={"#s": "status"},
        )
        for page in pages:
            said += [json.dumps(item, sort_keys=True) for item in page["Items"]]
        return hashlib.sha256("\n".join(sorted(said)).encode()).hexdigest()

    def _resource(self, kind: str, name: str) -> str:
        """The physical id of the only resource of that type with that in its logical id."""
        found = [
            physical
            for (t, logical), physical in self._resources.items()
            if t == kind and name in logical
        ]
        if len(found) != 1:
            raise NotSettled(f"the stack has {len(found)} {kind} named {name}, not one")
        return str(found[0])

    def _is_empty(self, url: str) -> bool:
        return self._count(url) == 0

    def _count(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in found.values())

    def _wait(self, done: Callable[[], bool], trouble: str) -> None:
        """Until it was done for a while without a break. NotSettled when that takes too long."""
        deadline = time.monotonic() + _SECONDS
        since: float | None = None
        while since is None or time.monotonic() - since < _QUIET_SECONDS:
            if not done():
                since = None
            elif since is None:
                since = time.monotonic()
            if time.monotonic() > deadline:
                raise NotSettled(f"after {_SECONDS:.0f} s {trouble}")
            time.sleep(0.2)

    def _admin(self, change: bytes | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own emulator on loopback
            f"{self.outputs.endpoint_url}/_local/s3",
            data=change,
            method="GET" if change is None else "PATCH",
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)
