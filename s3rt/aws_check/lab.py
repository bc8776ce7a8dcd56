"""What the checks share, made when it is first needed."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from s3rt.aws_check import making
from s3rt.aws_check.account import Account
from s3rt.aws_check.buckets import Buckets, made_buckets
from s3rt.aws_check.made import Made


@dataclass(slots=True)
class Lab:
    """`name` begins the name of everything that is made."""

    account: Account
    made: Made = field(default_factory=Made)
    progress: Callable[[str], None] = lambda _: None
    name: str = field(default_factory=lambda: f"s3rt-check-{secrets.token_hex(6)}")
    _buckets: Buckets | None = None
    _reader_role: str | None = None

    @property
    def buckets(self) -> Buckets:
        """Two buckets that replicate."""
        if self._buckets is None:
            self._buckets = made_buckets(self.account, self.made, self.name, self.progress)
        return self._buckets

    @property
    def reader_role(self) -> str:
        """The ARN of a role that may read the source as the tracker's functions do."""
        if self._reader_role is None:
            arn = f"arn:aws:s3:::{self.buckets.source}"
            self._reader_role = making.role(
                self.account,
                self.made,
                f"{self.name}-reader",
                {"AWS": self.account.id},
                making.allowed(["s3:GetObjectVersion", "s3:GetObjectVersionTagging"], f"{arn}/*"),
                making.allowed(["s3:ListBucket"], arn),
            )
        return self._reader_role
