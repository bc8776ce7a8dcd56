"""S3 and the clock, made once per process on the first request."""

import time
from functools import cache

from notifications.deployment import Deployment
from replication.aws.clients import client
from replication.aws.s3.notification_configurations import S3Notifications


@cache
def service() -> Deployment:
    # Made here, before the check's threads ask for it at once: boto3 makes clients in one thread.
    s3 = client("s3")
    return Deployment(S3Notifications(lambda: s3), time.monotonic, time.sleep)
