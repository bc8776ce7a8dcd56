"""What can go wrong with one message, and whose turn it is then.

TrackerError
├── TooManyVersions   a key has more versions than one request may read
├── Unreadable    a record of the stream that is no item of the ledger: told, and passed over
├── Rejected      it can never be understood: to the dead-letter queue at once
└── NotYet        it may be understood later: back to the queue, S3's facts are not all in
    ├── Unplaced      nothing is known of the version yet; after a few tries it is of no concern
    │   └── Unsourced     a replica, and no tracked bucket is known to have its source version
    ├── Undecided     of two buckets with one marker, nobody can tell which is its source
    └── Unavailable   an AWS service throttled, denied or failed the call
        └── Denied        IAM or a bucket policy refuses it
            └── Hidden        only the owner of its encryption key can read the status
"""

from enum import StrEnum

HIDDEN_ACTION = "s3:HeadObject of SSE-C objects"
"""What stands for the action in the finding of objects whose status nobody can read."""


class Reason(StrEnum):
    """Why a message is rejected; a message attribute in the dead-letter queue, so names stay."""

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
    """Base of every error this package raises on purpose."""


class TooManyVersions(TrackerError):
    """A key has more versions than one request may read."""


class Rejected(TrackerError):
    """A message that no retry can make understandable.

    `reason` is a short stable code (`not-json`, `key-too-long`, ...) that becomes a message
    attribute in the dead-letter queue; `detail` is one sentence for a person.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Unreadable(TrackerError):
    """A record of the stream that is no item of the ledger. No retry helps, and it would hold up
    its shard for a day; the table still has the item."""


class NotYet(TrackerError):
    """A message that cannot be placed yet and must come back."""


class Unplaced(NotYet):
    """An event of a destination whose version no tracked source is known to have: its source may
    be heard of a little later, or it is the bucket's own. It holds no answer back: without it the
    tracker says at worst that a replica is still due, and reconciliation finds it."""


class Unsourced(Unplaced):
    """S3 calls a version in `bucket` a replica, and nobody knows of what: its source may be in a
    bucket that is not tracked, or be gone and never have been heard of."""

    def __init__(self, bucket: str) -> None:
        super().__init__(
            "a replica whose source version no tracked bucket has; if another bucket "
            f"replicates to {bucket}, deploy with it in source_buckets"
        )


class Undecided(NotYet):
    """Two buckets that replicate to each other have one version that shows no status, and nobody
    heard of either: it is a version of one and a replica in the other. `other` is the bucket that
    was asked."""

    def __init__(self, other: str) -> None:
        super().__init__(f"{other} has the version as well, and nobody heard of either")
        self.other = other


class Unavailable(NotYet):
    """An AWS call that may work later (throttling, a server error)."""


class Denied(Unavailable):
    """A call that IAM or a bucket policy refuses. `action` is what to allow, on `bucket`."""

    def __init__(self, action: str, bucket: str) -> None:
        super().__init__(f"S3 denies {action} on objects of {bucket}; allow it")
        self.action = action
        self.bucket = bucket


class Hidden(Denied):
    """An object encrypted with a key that its owner keeps (SSE-C): it is there, and S3 shows its
    replication status to nobody else."""

    def __init__(self, bucket: str) -> None:
        super().__init__(HIDDEN_ACTION, bucket)
