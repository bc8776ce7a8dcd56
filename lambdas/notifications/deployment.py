"""What CloudFormation asks for, and who does it.

Two types of custom resource. `Custom::TrackedBuckets`, one, checks all buckets. It changes
nothing, so its deletion does nothing. `Custom::TrackedBucket`, one a bucket, depends on it.

A stack of an earlier version has CDK's `Custom::S3BucketNotifications` instead. Its update goes
well in this order, which is CloudFormation's own:

1. Our resources are created. CDK's entries, whose ids begin with the stack's id, are in the way of
   ours, and count as ours: they are replaced in the same write. No event is lost.
2. CDK's resources are deleted, after everything else. Its handler takes away what has an id that
   begins with the stack's. Ours does not, so it stays.

If that update fails after step 1, CloudFormation deletes our resources and leaves CDK's alone,
so the replication events of the buckets are off until the next deployment. `s3rt doctor` says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from notifications.buckets import Buckets, Notifications
from notifications.check import Check
from notifications.patience import Patience
from replication.s3.bucket_notifications import Ours


@dataclass(frozen=True, slots=True)
class Deployment:
    s3: Notifications
    now: Callable[[], float]
    sleep: Callable[[float], None]

    def carry_out(self, request: Mapping[str, Any]) -> None:
        """Refused when it cannot be done, with the reason."""
        asked = request["ResourceProperties"]
        ours = Ours(
            asked["NotificationId"],
            asked["TargetArn"],
            tuple(asked.get("Events", ())),
            request["StackId"],
        )
        patience = Patience(self.now, self.sleep)
        deletes = request["RequestType"] == "Delete"
        match request["ResourceType"]:
            case "Custom::TrackedBuckets" if not deletes:
                sources, topics = frozenset(asked.get("Sources", ())), asked.get("Topics", {})
                Check(self.s3, ours, sources, topics).all(asked["Buckets"], patience)
            case "Custom::TrackedBucket" if deletes:
                Buckets(self.s3).unwire(asked["BucketName"], ours, patience)
            case "Custom::TrackedBucket":
                Buckets(self.s3).wire(asked["BucketName"], ours, patience)
