"""What can go wrong with one message, and whose turn it is then.

TrackerError
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

HIDDEN_ACTION = "s3:HeadObject of SSE-C objects"
"""What stands for the action in the finding of objects whose status nobody can read."""


class TrackerError(Exception):
    """Base of every error this package raises on purpose."""


class Rejected(TrackerError):
    """A message that no retry can make understandable.

    `reason` is a short stable code (`not-json`, `key-too-long`, ...) that becomes a message
    attribute in the dead-letter queue; `detail` is one sentence for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
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
