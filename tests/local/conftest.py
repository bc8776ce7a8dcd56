"""One emulator for all tests here, on a free port, and fresh buckets for each test."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import pytest
from botocore.config import Config

from local.emulator import server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROLE = "arn:aws:iam::000000000000:role/replication"
FAST = {
    "replication_delay_seconds": 0.3,
    "replication_jitter_seconds": 0.1,
    "threshold_seconds": 0.6,
}
_numbers = itertools.count(1)
_T = TypeVar("_T")


def wait_for(ask: Callable[[], _T], seconds: float = 8.0) -> _T:
    """The first truthy answer; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            pytest.fail(f"still {answer!r} after {seconds} s")
        time.sleep(0.02)
    return answer


def lets_in(action: str, arn: str) -> dict[str, Any]:
    """The policy of a queue or topic that takes what services of AWS bring."""
    services = [f"{name}.amazonaws.com" for name in ("s3", "events", "sns")]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": action,
        "Resource": arn,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


class Emulator:
    """The running emulator and its clients."""

    def __init__(self, running: server.Server) -> None:
        self.server = running
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(  # type: ignore[call-overload]
                service,
                endpoint_url=self.server.endpoint_url,
                region_name=server.REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
            )
        return self._clients[service]

    def admin(self, values: dict[str, Any] | None = None, of: str = "s3") -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310
            f"{self.server.endpoint_url}/_local/{of}",
            data=None if values is None else json.dumps(values).encode(),
            method="GET" if values is None else "PATCH",
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            described: dict[str, Any] = json.load(answer)
        return described

    @contextlib.contextmanager
    def settings(self, of: str = "s3", **values: Any) -> Iterator[None]:
        before = self.admin(of=of)["settings"]
        self.admin(values, of)
        try:
            yield
        finally:
            self.admin(before, of)

    def quiet(self) -> None:
        """Wait until no replication waits any more."""
        wait_for(lambda: self.admin()["stats"]["waiting"] == 0)


@dataclass
class Queue:
    """A queue that catches events."""

    sqs: Any
    url: str
    arn: str
    seen: list[dict[str, Any]] = field(default_factory=list)
    """Notification records, and EventBridge envelopes, in the order they came."""

    def poll(self) -> list[dict[str, Any]]:
        got = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        for message in got.get("Messages", []):
            body = json.loads(message["Body"])
            self.seen += body.get("Records", [body] if "detail-type" in body else [])
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.seen

    def wait(self, count: int = 1, seconds: float = 8.0, **wanted: Any) -> list[dict[str, Any]]:
        """At least so many records or envelopes with these fields (`_` stands for `-`)."""

        def matching() -> list[dict[str, Any]]:
            fields = {name.replace("_", "-"): value for name, value in wanted.items()}
            return [e for e in self.poll() if all(e.get(k) == v for k, v in fields.items())]

        return wait_for(lambda: found if len(found := matching()) >= count else [], seconds)


class Buckets:
    """A source and two destinations, with a queue on each for every event."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.s3 = emulator.client("s3")
        number = next(_numbers)
        self.source, self.first, self.second = (
            self.bucket(f"{name}-{number}") for name in ("source", "first", "second")
        )

    def bucket(self, name: str) -> str:
        self.s3.create_bucket(Bucket=name)
        self.version(name, "Enabled")
        return name

    def version(self, name: str, status: str) -> None:
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})

    def rule(
        self,
        destination: str,
        *,
        prefix: str = "",
        metrics: bool = True,
        time_control: bool = False,
        markers: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        target: dict[str, Any] = {"Bucket": f"arn:aws:s3:::{destination}"}
        if metrics or time_control:
            target["Metrics"] = {"Status": "Enabled"}
        if time_control:
            target["Metrics"]["EventThreshold"] = {"Minutes": 15}
            target["ReplicationTime"] = {"Status": "Enabled", "Time": {"Minutes": 15}}
        return {
            "ID": f"to-{destination}",
            "Status": "Enabled",
            "Priority": next(_numbers),
            "Filter": {"Prefix": prefix},
            "DeleteMarkerReplication": {"Status": "Enabled" if markers else "Disabled"},
            "Destination": target,
            **more,
        }

    def replicate(
        self, *rules: dict[str, Any], role: str = ROLE, source: str | None = None
    ) -> None:
        self.s3.put_bucket_replication(
            Bucket=source or self.source,
            ReplicationConfiguration={"Role": role, "Rules": list(rules)},
        )

    def queue(self) -> Queue:
        """A queue that lets S3, EventBridge and SNS in."""
        sqs = self.emulator.client("sqs")
        url = sqs.create_queue(QueueName=f"queue-{next(_numbers)}")["QueueUrl"]
        got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = got["Attributes"]["QueueArn"]
        policy = json.dumps(lets_in("sqs:SendMessage", arn))
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return Queue(sqs, url, arn)

    def notify(self, bucket: str, *events: str, eventbridge: bool = False) -> Queue:
        """A queue that gets these notifications."""
        queue = self.queue()
        configuration: dict[str, Any] = {
            "QueueConfigurations": [{"Id": "all", "QueueArn": queue.arn, "Events": list(events)}]
        }
        if eventbridge:
            configuration["EventBridgeConfiguration"] = {}
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration
        )
        return queue

    def bus(self, bucket: str) -> Queue:
        """A queue that gets the bucket's EventBridge events."""
        queue = self.queue()
        events = self.emulator.client("events")
        name = f"rule-{next(_numbers)}"
        pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue.arn}])
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        return queue

    def put(self, key: str, body: bytes = b"hello", **more: Any) -> str:
        answer = self.s3.put_object(Bucket=self.source, Key=key, Body=body, **more)
        return str(answer["VersionId"])

    def header(self, key: str, version_id: str, bucket: str | None = None) -> str | None:
        head = self.s3.head_object(Bucket=bucket or self.source, Key=key, VersionId=version_id)
        status: str | None = head.get("ReplicationStatus")
        return status

    def wait_header(self, key: str, version_id: str, status: str) -> None:
        wait_for(lambda: self.header(key, version_id) == status)

    def versions(self, bucket: str, key: str) -> list[dict[str, Any]]:
        """Versions and delete markers of one key, newest first."""
        listed = self.s3.list_object_versions(Bucket=bucket, Prefix=key)
        both = [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
        return sorted(both, key=lambda each: each["LastModified"], reverse=True)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    settings = {f"LOCAL_S3_{name.upper()}": str(value) for name, value in FAST.items()}
    running = server.start(
        server.free_port(), tmp_path_factory.mktemp("emulator"), environment=settings, tied=True
    )
    try:
        yield Emulator(running)
    finally:
        server.stop(running.pid, running.state_dir)


@pytest.fixture
def buckets(emulator: Emulator) -> Buckets:
    return Buckets(emulator)
