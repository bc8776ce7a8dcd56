"""The file beside the functions' code that says which buckets there are, where, by which role they
are read, and where jobs can be made. lambdas/replication/topology.py reads it."""

import json
from typing import Any

from infra.config import Config
from infra.places import BATCH, LOOK, REDRIVE, Place, collector_role_arn, jobs_bucket_name
from infra.topology import TrackedBucket

NAME = "topology.json"


def topology_file(config: Config) -> str:
    """The same text for the same deployment: it is part of the asset's hash."""
    places = [place for place in config.foreign_places if config.makes_jobs_at(place)]
    jobs = {str(place): _jobs(config, place) for place in places}
    # Their reports are read like inventories.
    reports = [TrackedBucket(name=jobs[str(place)]["bucket"], place=place) for place in places]
    buckets = {one.name: _entry(one, config) for one in (*config.buckets, *reports)}
    return json.dumps({"buckets": buckets, "jobs": jobs}, indent=1, sort_keys=True)


def _entry(bucket: TrackedBucket, config: Config) -> dict[str, Any]:
    entry: dict[str, Any] = {"source": bucket.source, "destination": bucket.destination}
    if bucket.place == config.home:
        return entry
    return entry | {
        "account": bucket.place.account,
        "region": bucket.place.region,
        "role_arn": collector_role_arn(LOOK, config.stage, config.home, bucket.place),
    }


def _jobs(config: Config, place: Place) -> dict[str, str]:
    stage, home = config.stage, config.home
    return {
        "bucket": jobs_bucket_name(stage, home, place),
        "role_arn": collector_role_arn(REDRIVE, stage, home, place),
        "batch_role_arn": collector_role_arn(BATCH, stage, home, place),
    }
