"""Errors the tracker raises on purpose; the class says what becomes of a message.

TrackerError
├── TooManyVersions   a key has more versions than one request may read
├── Unreadable        a stream record that is no item of the ledger: logged and skipped
├── Rejected          no retry can help: to the dead-letter queue at once
└── NotYet            a retry may help: back to the queue
    ├── Unplaced          an event of a destination, and its source version is not known yet;
    │   │                 ignored after a few tries
    │   └── Unsourced     a replica whose source version no tracked bucket has
    ├── Undecided         two buckets have the same delete marker; which is its source is unknown
    └── Unavailable       an AWS call was throttled, refused or failed
        └── Denied            IAM or a bucket policy refused it
            └── Hidden        an SSE-C object: HEAD needs its encryption key
"""

from enum import StrEnum

HIDDEN_ACTION = "s3:HeadObject of SSE-C objects"
"""Stands for the denied action in the finding about SSE-C objects."""

ASSUME_ROLE = "sts:AssumeRole"
"""The denied action when the role that reads a bucket elsewhere cannot be used."""


class Reason(StrEnum):
    """Why a message was rejected. Published: a message attribute in the dead-letter queue."""

    NOT_JSON = "not-json"
    UNKNOWN_SHAPE = "unknown-shape"
    NESTED_TOO_DEEPLY = "nested-too-deeply"
    UNCONFIRMED_SUBSCRIPTION = "unconfirmed-subscription"
    UNKNOWN_SOURCE = "unknown-source"
    UNKNOWN_VERSION = "unknown-version"
    UNKNOWN_DELETION_TYPE = "unknown-deletion-type"
    MISSING_FIELD = "missing-field"
    MISSING_REPLICATION_DATA = "missing-replication-data"
    WRONG_TYPE = "wrong-type"
    BAD_TEXT = "bad-text"
    TOO_LONG = "too-long"
    KEY_TOO_LONG = "key-too-long"
    VERSION_ID_TOO_LONG = "version-id-too-long"
    BAD_EVENT_ID = "bad-event-id"
    BAD_BUCKET_NAME = "bad-bucket-name"
    BAD_BUCKET_ARN = "bad-bucket-arn"
    BAD_SIZE = "bad-size"
    BAD_TIME = "bad-time"
    ABSURD_TIME = "absurd-time"
    NOT_A_REQUEST = "not-a-request"
    BUCKET_NOT_TRACKED = "bucket-not-tracked"
    NO_SUCH_FILE = "no-such-file"
    UNSUPPORTED_FORMAT = "unsupported-format"
    BAD_STATUS = "bad-status"
    TOO_LARGE = "too-large"
    WRONG_MD5 = "wrong-md5"
    NOT_GZIP = "not-gzip"
    CHANGED = "changed"
    MISSING_COLUMN = "missing-column"
    BAD_MD5 = "bad-md5"
    BAD_FLAG = "bad-flag"
    UNWRITABLE = "unwritable"
    BAD_URI = "bad-uri"


class TrackerError(Exception):
    """Base of every error the tracker raises on purpose."""


class TooManyVersions(TrackerError):
    """A key has more versions than one request may read."""


class Rejected(TrackerError):
    """A message that no retry can help.

    reason  why, as a code for programs
    detail  the same as one sentence for a person
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Unreadable(TrackerError):
    """A stream record that is no item of the ledger. No retry can help, and retries would block
    its shard until the record expires after a day; the table still has the item."""


class NotYet(TrackerError):
    """A message that a retry may help: it goes back to its queue."""


class Unplaced(NotYet):
    """An event of a destination bucket whose source version is not known. The event of the source
    may come a little later, or the object is the bucket's own. Ignoring it is safe: at worst a
    version stays PENDING until it is reconciled. So it does not hold the ingest frontier back."""


class Unsourced(Unplaced):
    """A version in `bucket` has status REPLICA, and no tracked bucket has its source version: the
    source is in a bucket that is not tracked, or was deleted before the tracker saw it."""

    def __init__(self, bucket: str) -> None:
        super().__init__(
            "a replica whose source version no tracked bucket has; if another bucket "
            f"replicates to {bucket}, deploy with it in source_buckets"
        )


class Undecided(NotYet):
    """Two buckets that replicate to each other both have a version whose status HEAD cannot show (a
    delete marker, an SSE-C object). It was written to one and is a replica in the other; the ledger
    does not know which. `other` is the bucket that was read second."""

    def __init__(self, other: str) -> None:
        super().__init__(f"{other} has the version as well, and nobody heard of either")
        self.other = other


class Unavailable(NotYet):
    """An AWS call that failed and may work later: throttling, a server error."""


class Denied(Unavailable):
    """A call that IAM or a bucket policy refused. `action` is the one to allow on `bucket`."""

    def __init__(self, action: str, bucket: str) -> None:
        super().__init__(f"S3 denies {action} on objects of {bucket}; allow it")
        self.action = action
        self.bucket = bucket


class Hidden(Denied):
    """An object encrypted with a customer-provided key (SSE-C). It exists, but HEAD shows its
    replication status only to callers who send the key."""

    def __init__(self, bucket: str) -> None:
        super().__init__(HIDDEN_ACTION, bucket)
