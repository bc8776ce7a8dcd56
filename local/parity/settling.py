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

from local import demo_buckets
from local.deploy import STACK_NAME
from local.parity import rules
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.times import plus, to_datetime, wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.stack import Outputs
    from replication.s3.rule_history import Revision

INGEST_RETRY_SECONDS = 15
"""In place of three minutes: how long a message waits for its next try."""
WINDOW_RETRY_SECONDS = 150
"""In place of twelve minutes: how long a window waits that could not be worked off."""
CHECK_BASE_SECONDS = 1
"""In place of 15 minutes."""
AGE_SECONDS = 4 * CHECK_BASE_SECONDS
"""Old enough for a first look, without Replication Time Control as well."""
_SECONDS = 600.0
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

What = tuple[str, str, str, str | None]
"""Name, bucket, key and version id of an event."""


class NotSettled(RuntimeError):
    """Something was still on its way after a long time."""


@dataclass
class Control:
    """What the run turns on and off beside S3: faults, schedules, reconciliation."""

    outputs: Outputs

    def __post_init__(self) -> None:
        self._sqs = demo_buckets.client("sqs", self.outputs.endpoint_url)
        self._lambda = demo_buckets.client("lambda", self.outputs.endpoint_url)
        self._events = demo_buckets.client("events", self.outputs.endpoint_url)
        self._dynamodb = demo_buckets.client("dynamodb", self.outputs.endpoint_url)
        self._table = self.outputs.stack["TableName"]
        self._configurations = RuleRevisionTable(self._dynamodb, self._table)
        self._begun = wall_clock()
        resources = demo_buckets.client("cloudformation", self.outputs.endpoint_url)
        self._resources = {
            (each["ResourceType"], each["LogicalResourceId"]): each["PhysicalResourceId"]
            for page in resources.get_paginator("list_stack_resources").paginate(
                StackName=STACK_NAME
            )
            for each in page["StackResourceSummaries"]
        }

    def begin(self, faults: Mapping[str, Any]) -> None:
        """Messages that cannot be placed yet come again soon; ticks come when the run wants one."""
        windows = self._resource("AWS::SQS::Queue", "ReconcilerWindows")
        retries = {self.ingest: INGEST_RETRY_SECONDS, windows: WINDOW_RETRY_SECONDS}
        for url, seconds in retries.items():
            self._sqs.set_queue_attributes(
                QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)}
            )
        self._events.disable_rule(Name=self._resource("AWS::Events::Rule", "ReconcilerTick"))
        self.configure(faults)

    def configure(self, settings: Mapping[str, Any]) -> None:
        self._admin(json.dumps(settings).encode())

    @property
    def ingest(self) -> str:
        return self.outputs.stack["IngestQueueUrl"]

    @property
    def readers(self) -> tuple[str, ...]:
        """The ARNs of the roles the stack's functions run as."""
        pages = self._lambda.get_paginator("list_functions").paginate()
        return tuple(sorted({one["Role"] for page in pages for one in page["Functions"]}))

    def lost(self) -> tuple[What, ...]:
        """The events that nobody was ever told."""
        return tuple((name, bucket, key, id_) for name, bucket, key, id_ in self._admin()["lost"])

    def in_doubt(self) -> dict[tuple[str, str, str], str]:
        """The versions that some destination of is still in doubt, by bucket, key and id; where.
        Without those that are gone: their doubt cannot be decided."""
        found = {}
        where = "in_doubt = :yes AND attribute_not_exists(deleted_at)"
        for item in self._items("pk, sk", where, {":yes": {"BOOL": True}}):
            bucket, _, key = item["pk"]["S"].partition("/")
            version_id, _, destination = item["sk"]["S"].partition("#")
            found[bucket, key, version_id] = destination
        return found

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

    def wait_for_look_backs(self) -> None:
        """Until every change of the rules is old enough to be looked back at."""
        ends = [one.look_back[1] for one in self._unseen()]
        if ends:
            due = to_datetime(plus(max(ends), CHECK_BASE_SECONDS + 1))
            time.sleep(max(0.0, (due - to_datetime(wall_clock())).total_seconds()))

    def looked_back(self) -> bool:
        return not self._unseen()

    def let_a_day_pass(self) -> None:
        """In place of a day's ticks: the next one finds everything due, whatever its age."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item={"pk": {"S": "#reconcile"}, "sk": {"S": "tick"}, "at": {"S": self._begun}},
        )

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

    def changes_read(self) -> list[datetime]:
        """When the tracker first read each of the rules of the main source that it knows."""
        history = self._configurations.load(rules.SOURCE)
        revisions = history.revisions if history else ()
        return [to_datetime(one.noticed_at or one.since) for one in revisions]

    def _unseen(self) -> list[Revision]:
        """Changes of the rules that were not looked back at yet."""
        histories = map(self._configurations.load, rules.SOURCES)
        return [
            one
            for history in histories
            if history
            for one in history.revisions
            if not one.looked_back
        ]

    def _digest(self) -> str:
        """Of what every item of the ledger says, whatever its facts."""
        names = "pk, sk, #s, arrived_at, lost_at, deleted_at, in_doubt"
        items = self._items(names, "attribute_exists(ord)", names={"#s": "status"})
        said = [json.dumps(item, sort_keys=True) for item in items]
        return hashlib.sha256("\n".join(sorted(said)).encode()).hexdigest()

    def _items(
        self,
        wanted: str,
        where: str,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        """Items of the ledger's table."""
        asked: dict[str, Any] = {"ProjectionExpression": wanted, "FilterExpression": where}
        asked |= {"ExpressionAttributeValues": values} if values else {}
        asked |= {"ExpressionAttributeNames": names} if names else {}
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._table, **asked)
        return [item for page in pages for item in page["Items"]]

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
