"""Two buckets of the check's own, one replicating to the other, and a queue for their events."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from s3rt.aws_check import making
from s3rt.aws_check.account import Account
from s3rt.aws_check.made import Made

BEGIN_SECONDS = 900.0
"""EventBridge needs about five minutes after it is switched on, a new role one or two."""
_PROBE_SECONDS = 15.0


@dataclass(slots=True)
class Buckets:
    """`role` is the ARN of the role that S3 replicates with."""

    account: Account
    source: str
    replica: str
    role: str
    queue_url: str
    events: list[dict[str, Any]] = field(default_factory=list)
    _began: bool = False
    _probes: dict[str, str] = field(default_factory=dict)

    @property
    def s3(self) -> Any:
        return self.account.client("s3")

    def put(self, key: str, **more: Any) -> str:
        """The version id of a new object in the source."""
        return str(
            self.s3.put_object(Bucket=self.source, Key=key, Body=b"s3rt", **more)["VersionId"]
        )

    def status(self, bucket: str, key: str, version_id: str) -> str | None:
        """`x-amz-replication-status` of a version."""
        head = self.s3.head_object(Bucket=bucket, Key=key, VersionId=version_id)
        found = head.get("ReplicationStatus")
        return None if found is None else str(found)

    def completed(self, key: str, version_id: str, seconds: float | None = None) -> bool:
        """Whether S3 says so in time."""
        return self.account.until(lambda: self._is_completed(key, version_id), seconds)

    def event(self, bucket: str, kind: str, version_id: str) -> dict[str, Any] | None:
        """The `detail` of such an event of that version, if it came in time."""

        def ask() -> dict[str, Any] | None:
            self._receive()
            for one in self.events:
                detail: dict[str, Any] = one["detail"]
                here = detail["bucket"]["name"] == bucket and one["detail-type"] == kind
                if here and detail["object"].get("version-id") == version_id:
                    return detail
            return None

        return self.account.until(ask)

    def replicate(self, source: str, replica: str, *, modifications: bool = False) -> None:
        """Sets the one rule of the bucket `source`."""
        rule: dict[str, Any] = {
            "ID": "all",
            "Status": "Enabled",
            "Priority": 1,
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Enabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{replica}"},
        }
        if modifications:
            rule["SourceSelectionCriteria"] = {"ReplicaModifications": {"Status": "Enabled"}}
        self.s3.put_bucket_replication(
            Bucket=source, ReplicationConfiguration={"Role": self.role, "Rules": [rule]}
        )

    def begun(self, progress: Callable[[str], None]) -> bool:
        """Puts an object now and then until one is replicated and events arrive; False when it
        takes too long."""
        end = min(self.account.ends_at, self.account.seconds() + BEGIN_SECONDS)
        while not self._began and self.account.seconds() < end:
            key = f"begin/{len(self._probes) + 1}"
            progress(f"waiting for replication and EventBridge to begin: {key}")
            self._probes[key] = self.put(key)
            self._began = self.account.until(self._works, _PROBE_SECONDS)
        return self._began

    def _works(self) -> bool:
        self._receive()
        return bool(self.events) and any(
            self._is_completed(key, version_id) for key, version_id in self._probes.items()
        )

    def _is_completed(self, key: str, version_id: str) -> bool:
        return self.status(self.source, key, version_id) in ("COMPLETE", "COMPLETED")

    def _receive(self) -> None:
        sqs = self.account.client("sqs")
        got = sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for message in got.get("Messages", ()):
            self.events.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])


def made_buckets(
    account: Account, made: Made, name: str, progress: Callable[[str], None]
) -> Buckets:
    progress(f"making two buckets, a role, a queue and a rule named {name}")
    source = making.bucket(account, made, f"{name}-source")
    replica = making.bucket(account, made, f"{name}-replica")
    both = [f"arn:aws:s3:::{one}" for one in (source, replica)]
    objects = [f"{one}/*" for one in both]
    role = making.role(
        account,
        made,
        f"{name}-replication",
        {"Service": "s3.amazonaws.com"},
        making.allowed(["s3:GetReplicationConfiguration", "s3:ListBucket"], *both),
        making.allowed(
            [
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionTagging",
                "s3:ReplicateObject",
                "s3:ReplicateDelete",
                "s3:ReplicateTags",
            ],
            *objects,
        ),
    )
    queue_url = making.event_queue(account, made, name, [source, replica])
    found = Buckets(account, source, replica, role, queue_url)
    found.replicate(source, replica)
    return found


def refused_with(ask: Callable[[], Any]) -> int:
    """The HTTP status of a request; 200 when S3 answers it."""
    try:
        ask()
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return 200
