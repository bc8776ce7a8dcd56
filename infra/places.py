"""Where buckets are: in the tracker's own account and Region, or in others."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import boto3

MAX_ROLE_NAME = 64
"""Characters of an IAM role's name."""

LOOK, REDRIVE, BATCH = "look", "redrive", "batch"
"""Roles of a collector: for reading its buckets, for making jobs, and for the jobs themselves."""

ASSUMED_BY: Mapping[str, tuple[str, ...]] = {
    LOOK: ("record", "reconcile", "backfill"),
    REDRIVE: ("redrive",),
}
"""The functions at home that assume a role of each collector."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A Region of an account. Where either is None it is that of the deployment itself."""

    account: str | None = None
    region: str | None = None

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"

    @property
    def partition(self) -> str:
        """Such as `aws-cn`. ValueError where no Region is named."""
        if self.region is None:
            raise ValueError("the Region of the deployment is not known here")
        return partition_of(self.region)


OWN = Place()
"""Wherever the deployment is: all buckets are there when no home is named."""


@cache
def partition_of(region: str) -> str:
    """botocore's UnknownRegionError for what cannot be the name of a Region."""
    return boto3.Session().get_partition_for_region(region)


def collector_role_name(purpose: str, stage: str, home: Place, collector: Place) -> str:
    """Of a role in the collector's account.

    Role names are global in an account: two collectors of it, or of two trackers, need two names.
    """
    return _role_name(stage, purpose, collector.region, home.region, home.account)


def collector_role_arn(purpose: str, stage: str, home: Place, collector: Place) -> str:
    name = collector_role_name(purpose, stage, home, collector)
    return f"arn:{collector.partition}:iam::{collector.account}:role/{name}"


def jobs_bucket_name(stage: str, home: Place, collector: Place) -> str:
    """Of the collector's bucket of manifests and reports. Bucket names are global, and have 63
    characters at most; the hash is for two trackers that collect from one place."""
    digest = hashlib.sha256(f"{stage}/{home}".encode()).hexdigest()[:8]
    return f"s3replicationtracker-jobs-{collector.account}-{collector.region}-{digest}"


def function_role_name(stage: str, home: Place, service: str) -> str:
    """Of a home function's role. It is fixed, so that collectors can name who assumes theirs."""
    return _role_name(stage, service, home.region)


def function_role_arns(purpose: str, stage: str, home: Place) -> list[str]:
    """Those that may assume this role of a collector."""
    return [
        f"arn:{home.partition}:iam::{home.account}:role/{function_role_name(stage, home, service)}"
        for service in ASSUMED_BY[purpose]
    ]


def _role_name(*parts: str | None) -> str:
    """Names that would be too long end with a hash of the whole name instead."""
    name = "-".join(("S3ReplicationTracker", *map(str, parts)))
    if len(name) <= MAX_ROLE_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: MAX_ROLE_NAME - len(digest) - 1].rstrip('-')}-{digest}"
