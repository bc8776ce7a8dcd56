"""The file beside the functions' code that says which buckets there are, where, and by which role
they are read. lambdas/replication/topology.py reads it."""

import json
from typing import Any

from infra.config import Config
from infra.places import look_role_arn
from infra.topology import TrackedBucket

NAME = "topology.json"


def topology_file(config: Config) -> str:
    """The same text for the same deployment: it is part of the asset's hash."""
    buckets = {one.name: _entry(one, config) for one in config.buckets}
    return json.dumps({"buckets": buckets}, indent=1, sort_keys=True)


def _entry(bucket: TrackedBucket, config: Config) -> dict[str, Any]:
    entry: dict[str, Any] = {"source": bucket.source, "destination": bucket.destination}
    if bucket.place == config.home:
        return entry
    return entry | {
        "account": bucket.place.account,
        "region": bucket.place.region,
        "role_arn": look_role_arn(config.stage, config.home, bucket.place),
    }
