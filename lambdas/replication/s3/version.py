"""One version of an object."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class ObjectVersion:
    """A version in the bucket it was first written to. `version_id` may be `null` (S3's own word
    for objects written without versioning)."""

    bucket: str
    key: str
    version_id: str

    def in_bucket(self, bucket: str) -> "ObjectVersion":
        """The same key and version id elsewhere: a replica keeps both."""
        return ObjectVersion(bucket, self.key, self.version_id)
