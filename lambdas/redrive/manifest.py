"""The manifest of a job: one CSV object without a header line, `bucket,key,version id`.

Source: "Specifying a manifest" in the S3 user guide: keys are URL-encoded, version ids are given
for every row or for none.
"""

from urllib.parse import quote

from replication.s3.version import ObjectVersion

PART_BYTES = 8 << 20
"""A part of the upload, and so about the most that is in memory. S3 takes 10,000 parts of 5 MB or
more: a million rows of the longest keys are 500 of them."""


def row(version: ObjectVersion) -> bytes:
    """A space is %20 and a plus %2B, so that it is the same key whether `+` is decoded or not. The
    encoding leaves no comma, quote or line break."""
    key = quote(version.key, safe="/")
    return f"{version.bucket},{key},{version.version_id}\n".encode()
