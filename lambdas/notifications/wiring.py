"""S3 and the clock, made once per process on the first request."""

import time
from functools import cache, partial

from notifications.deployment import Deployment
from replication.aws.clients import client
from replication.aws.s3.notification_configurations import S3Notifications


@cache
def service() -> Deployment:
    return Deployment(S3Notifications(partial(client, "s3")), time.monotonic, time.sleep)
