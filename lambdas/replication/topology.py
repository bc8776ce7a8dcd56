"""The buckets of a deployment and where they are, from a file that is deployed beside the code.

    {"buckets": {"orders": {"source": true, "destination": false},
                 "far-away": {"source": false, "destination": true, "region": "eu-west-1",
                              "account": "222222222222", "role_arn": "arn:aws:iam::..."}},
     "jobs": {"222222222222/eu-west-1": {"bucket": "...", "role_arn": "arn:aws:iam::...",
                                         "batch_role_arn": "arn:aws:iam::..."}}}

`infra/functions/topology_file.py` writes it. Environment variables would have no room for all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

ASSET = Path(__file__).parents[1]
"""The folder of the code, against which the file's name is resolved."""


@dataclass(frozen=True, slots=True)
class JobPlace:
    """What jobs of S3 Batch Operations need in another account or Region.

    bucket          for their manifests and reports
    batch_role_arn  the role that S3 takes for its work
    role_arn        the role that makes the jobs; None: the function's own
    """

    bucket: str
    batch_role_arn: str
    role_arn: str | None = None

    @property
    def account(self) -> str:
        """Of the bucket and the jobs: that of the role."""
        return self.batch_role_arn.split(":")[4]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket is.

    account, region     None where not known
    role_arn            the role that reads buckets there; None: the function's own
    jobs                where the collector there lets redrives make jobs
    """

    account: str | None = None
    region: str | None = None
    role_arn: str | None = None
    jobs: JobPlace | None = None


_UNKNOWN = Place()


@dataclass(frozen=True, slots=True)
class Topology:
    """Names of the tracked source and destination buckets, sorted, and the place of every bucket,
    including those with inventories."""

    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)

    @classmethod
    def load(cls, name: str, home: Place) -> Self:
        """`home` is where the functions run: the account and Region of buckets without their own.
        OSError or ValueError when the file is missing or wrong."""
        found = json.loads((ASSET / name).read_text())
        try:
            buckets: Mapping[str, Mapping[str, Any]] = found["buckets"]
            jobs = {name: JobPlace(**one) for name, one in found.get("jobs", {}).items()}
            return cls(
                tuple(sorted(name for name, one in buckets.items() if one["source"])),
                tuple(sorted(name for name, one in buckets.items() if one["destination"])),
                {name: _place(one, home, jobs) for name, one in buckets.items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no topology: {error!r}") from error

    @property
    def elsewhere(self) -> frozenset[str]:
        """The buckets whose events come by a collector."""
        return frozenset(name for name, one in self.places.items() if one.role_arn)

    def place(self, bucket: str) -> Place:
        """Without anything known for buckets that are not part of the deployment."""
        return self.places.get(bucket, _UNKNOWN)


def _place(bucket: Mapping[str, Any], home: Place, jobs: Mapping[str, JobPlace]) -> Place:
    names = ("account", "region", "role_arn")
    found = replace(home, **{name: bucket[name] for name in names if bucket.get(name)})
    return replace(found, jobs=jobs.get(f"{found.account}/{found.region}"))
