"""S3's notification configurations in memory, with faults, and a clock that only sleeping moves."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from notifications.patience import Patience
from replication.s3.bucket_notifications import Configuration, Gone, Ours

REGION = "eu-west-1"
QUEUE = f"arn:aws:sqs:{REGION}:111122223333:ingest"
STACK = f"arn:aws:cloudformation:{REGION}:111122223333:stack/ours/7"
EVENTS = (
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
)
OURS = Ours("S3ReplicationTracker-dev", QUEUE, EVENTS, STACK)
THEIR_QUEUE = f"arn:aws:sqs:{REGION}:111122223333:theirs"
THEIR_TOPIC = f"arn:aws:sns:{REGION}:111122223333:theirs"
THEIRS: Mapping[str, Any] = {
    "QueueConfigurations": [
        {
            "Id": "theirs",
            "QueueArn": THEIR_QUEUE,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}},
        }
    ],
}
TAKEN: Mapping[str, Any] = {
    "TopicConfigurations": [
        {"Id": "their topic", "TopicArn": THEIR_TOPIC, "Events": ["s3:Replication:*"]}
    ]
}


@dataclass
class Clock:
    at: float = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += max(seconds, 0.01)

    def patience(self) -> Patience:
        return Patience(self.now, self.sleep)


@dataclass
class MemoryS3:
    """`on_read` and `on_write` run before a call of a bucket, and may raise or change things."""

    buckets: dict[str, Configuration] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    on_read: Callable[[str], None] = lambda _: None
    on_write: Callable[[str, bool], None] = lambda *_: None
    after_write: Callable[[str], None] = lambda _: None
    writes: list[tuple[str, bool]] = field(default_factory=list)

    def read(self, bucket: str) -> Configuration:
        self.on_read(bucket)
        if bucket not in self.buckets:
            raise Gone(f"there is no bucket {bucket}")
        return copy.deepcopy(self.buckets[bucket])

    def write(self, bucket: str, wanted: Configuration, *, validated: bool) -> None:
        self.on_write(bucket, validated)
        self.writes.append((bucket, validated))
        self.buckets[bucket] = copy.deepcopy(wanted)
        self.after_write(bucket)

    def region(self, bucket: str) -> str | None:
        return self.regions.get(bucket, REGION)


def theirs(now: Configuration) -> dict[str, Any]:
    """What others have: without EventBridge's switch and our entry."""
    return {
        kind: kept
        for kind, found in now.items()
        if kind != "EventBridgeConfiguration"
        and (kept := [one for one in found if one["Id"] != OURS.id])
    }


def has_ours(now: Configuration) -> bool:
    return dict(OURS.entry) in now.get("QueueConfigurations", ())
