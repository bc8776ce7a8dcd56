"""What CloudFormation asks for, and who does it.

Two types of custom resource. `Custom::TrackedBuckets` checks all buckets. It changes nothing, so
its deletion does nothing. `Custom::TrackedBucketSet` depends on it and sets up the notifications of
all: a stack has room for 500 resources, and a deployment may have 300 buckets. A bucket that an
update no longer names is cleaned up; should the update fail, CloudFormation asks for the buckets
that there were before.

A stack of an earlier version has a `Custom::TrackedBucket` for each bucket, or CDK's own
`Custom::S3BucketNotifications`. Its update goes well in this order, which is CloudFormation's own:

1. Our resources are created. Entries of earlier versions are ours, or count as ours, and are
   replaced in the same write. No event is lost.
2. The others are deleted, after everything else. The deletion of a `Custom::TrackedBucket` leaves
   a bucket alone that is tracked still. CDK's handler takes away what has an id that begins with
   the stack's. Ours does not, so it stays.

If that update fails after step 1, CloudFormation deletes our resources. By then the function has
its earlier code again, which knows nothing of `Custom::TrackedBucketSet` and leaves the buckets
as they are. (From CDK's resources the replication events stay off until the next deployment;
`s3rt doctor` says so.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    tracked: frozenset[str] = frozenset()
    """The buckets of the deployed topology."""

    def carry_out(self, request: Mapping[str, Any]) -> None:
        """Refused when it cannot be done, with the reason."""
        asked = request["ResourceProperties"]
        object_events = tuple(asked.get("ObjectEvents", ()))
        ours = Ours(
            asked["NotificationId"],
            asked.get("TargetArn") or asked["QueueArn"],  # as an earlier version called it
            (*asked.get("Events", ()), *object_events),
            request["StackId"],
            eventbridge=not object_events,
        )
        patience = Patience(self.now, self.sleep)
        buckets = Buckets(self.s3)
        deletes = request["RequestType"] == "Delete"
        match request["ResourceType"]:
            case "Custom::TrackedBuckets" if not deletes:
                sources, topics = frozenset(asked.get("Sources", ())), asked.get("Topics", {})
                Check(self.s3, ours, sources, topics).all(asked["Buckets"], patience)
            case "Custom::TrackedBucketSet":
                named = {*_names(asked)}
                before = {*_names(request.get("OldResourceProperties", {}))}
                if not deletes:
                    buckets.wire_all(asked["Sources"], ours, patience)
                    buckets.wire_all(asked["Others"], replace(ours, events=object_events), patience)
                gone = named if deletes else before - named
                buckets.unwire_all(sorted(gone), ours, patience)
            case "Custom::TrackedBucket" if deletes and asked["BucketName"] not in self.tracked:
                buckets.unwire(asked["BucketName"], ours, patience)


def _names(properties: Mapping[str, Any]) -> Sequence[str]:
    return [*properties.get("Sources", ()), *properties.get("Others", ())]
