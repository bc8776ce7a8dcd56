"""Where buckets are: in the tracker's own account and Region, or in others."""

import hashlib
from dataclasses import dataclass
from functools import cache

import boto3

MAX_ROLE_NAME = 64
"""Characters of an IAM role's name."""

LOOKERS = ("record", "reconcile", "backfill")
"""The functions that read buckets, and assume the look roles for those of other places."""


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


def look_role_name(stage: str, home: Place, collector: Place) -> str:
    """Of the role in the collector's account that only the home functions may assume.

    Role names are global in an account: two collectors of it, or of two trackers, need two names.
    """
    return _role_name(stage, "look", collector.region, home.region, home.account)


def look_role_arn(stage: str, home: Place, collector: Place) -> str:
    name = look_role_name(stage, home, collector)
    return f"arn:{collector.partition}:iam::{collector.account}:role/{name}"


def function_role_name(stage: str, home: Place, service: str) -> str:
    """Of a home function's role. It is fixed, so that look roles can name who may assume them."""
    return _role_name(stage, service, home.region)


def function_role_arns(stage: str, home: Place) -> tuple[str, ...]:
    """Those that may assume the look roles."""
    return tuple(
        f"arn:{home.partition}:iam::{home.account}:role/{function_role_name(stage, home, service)}"
        for service in LOOKERS
    )


def _role_name(*parts: str | None) -> str:
    """Names that would be too long end with a hash of the whole name instead."""
    name = "-".join(("S3ReplicationTracker", *map(str, parts)))
    if len(name) <= MAX_ROLE_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: MAX_ROLE_NAME - len(digest) - 1].rstrip('-')}-{digest}"
