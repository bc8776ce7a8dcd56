"""S3 and the clock, made once per process on the first request."""

import os
import time
from functools import cache

from notifications.deployment import Deployment
from replication.aws.clients import client
from replication.aws.s3.notification_configurations import S3Notifications
from replication.topology import Place, Topology


@cache
def service() -> Deployment:
    # Made here, before the check's threads ask for it at once: boto3 makes clients in one thread.
    s3 = client("s3")
    # A collector has no such file: it never had resources of an earlier version.
    name = os.environ.get("TOPOLOGY_FILE")
    places = Topology.load(name, Place()).places if name else {}
    return Deployment(S3Notifications(lambda: s3), time.monotonic, time.sleep, frozenset(places))
