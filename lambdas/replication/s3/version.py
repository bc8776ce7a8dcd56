"""One version of an object, and the order of the writes of one key."""

from dataclasses import dataclass

_SEQUENCER_LENGTH = 64
"""Hexadecimal digits; longer than any sequencer S3 has been seen to send."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectVersion:
    """One version of `key` in `bucket`. `version_id` is `null`, S3's own word, for an object
    written without versioning."""

    bucket: str
    key: str
    version_id: str

    def in_bucket(self, bucket: str) -> "ObjectVersion":
        """The same key and version id in another bucket: a replica keeps both."""
        return ObjectVersion(bucket, self.key, self.version_id)


def sequencer_order(sequencer: str | None) -> str:
    """Sorts the sequencers of one key as S3 documents it: upper-case text, padded with zeros on
    the right. Empty for None, so it sorts first."""
    return sequencer.upper().ljust(_SEQUENCER_LENGTH, "0") if sequencer else ""
