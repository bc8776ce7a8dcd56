"""Bucket policies that come and go: destinations that refuse replicas, and such as the tracker may
not read. Everybody else may.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3 import S3Client


@dataclass
class Barriers:
    """`readers` are the ARNs of the roles that the tracker's functions run as. `refusing` and
    `hidden` are the buckets that do so now."""

    s3: S3Client
    readers: Sequence[str]
    refusing: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)

    def refuse(self, bucket: str) -> None:
        """No replica gets into the bucket: S3 calls it FAILED."""
        self.refusing.add(bucket)
        self._apply(bucket)

    def repair(self, bucket: str) -> None:
        self.refusing.discard(bucket)
        self._apply(bucket)

    def hide(self, bucket: str) -> None:
        """The tracker may read no object of the bucket."""
        self.hidden.add(bucket)
        self._apply(bucket)

    def show(self, bucket: str) -> None:
        self.hidden.discard(bucket)
        self._apply(bucket)

    def lift(self) -> None:
        """All of them."""
        for bucket in self.refusing | self.hidden:
            self.refusing.discard(bucket)
            self.show(bucket)

    def _apply(self, bucket: str) -> None:
        statements = []
        if bucket in self.refusing:
            statements.append(_denied(bucket, "s3:ReplicateObject", "*"))
        if bucket in self.hidden:
            statements.append(_denied(bucket, "s3:GetObject*", {"AWS": list(self.readers)}))
        if not statements:
            self.s3.delete_bucket_policy(Bucket=bucket)
            return
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def _denied(bucket: str, action: str, principal: Any) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Principal": principal,
        "Action": action,
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
