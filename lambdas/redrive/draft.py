"""How far a plan is, as it is kept between two rounds of the planner. Pure."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from redrive.sieve import Sifted
from replication.ledger.index import Position
from replication.published.redrive import (
    Job,
    Named,
    Redrive,
    Share,
    Written,
    decode,
    encode,
    shares_of,
)


@dataclass(slots=True)
class Draft:
    """Counts of what is planned so far, and where it goes on. The last of `jobs` is of the bucket
    that is being read, as long as `bucket` names it."""

    done: Redrive
    """The redrive with the jobs of the buckets that are finished, and the concerns."""
    bucket: int = 0
    """The number of the bucket that is read."""
    destination: int = 0
    """The number of the destination that is read."""
    after: Position | None = None
    """Where its list goes on."""
    upload: str | None = None
    """Id of the upload of the manifest."""
    parts: list[str] = field(default_factory=list)
    """ETags of its parts."""
    tail: str | None = None
    """Key of the object with the rows that are in no part yet."""
    versions: int = 0
    size: int = 0
    unsized: int = 0
    written: Counter[str] = field(default_factory=Counter)
    bytes_written: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, Share] = field(default_factory=dict)
    restarts: int = 0
    """How often the plan was begun anew, because a manifest was changed."""

    @property
    def planned(self) -> int:
        """Rows in all manifests so far."""
        return self.done.versions + self.versions

    def take(self, found: Sequence[Sifted]) -> None:
        for one in found:
            if one.left_out:
                known = self.left_out.get(one.left_out, Share(one.left_out, 0))
                named = Named(one.version.bucket, one.version.key, one.version.version_id)
                self.left_out[one.left_out] = known.plus(named)
                continue
            self.versions += 1
            self.size += one.size or 0
            self.unsized += one.size is None
            for name in one.destinations:
                self.written[name] += 1
                self.bytes_written[name] += one.size or 0

    def finish_bucket(self, bucket: str, manifest: str, etag: str | None) -> None:
        """The bucket's manifest is stored; `etag` None: it has no rows, and there is no job."""
        if etag is not None:
            job = Job(
                bucket=bucket,
                versions=self.versions,
                size=self.size,
                unsized=self.unsized,
                destinations=tuple(
                    Written(name, count, self.bytes_written[name])
                    for name, count in sorted(self.written.items())
                ),
                manifest=manifest,
                etag=etag,
            )
            self.done = replace(self.done, jobs=(*self.done.jobs, job))
        self.bucket += 1
        self.destination, self.after = 0, None
        self.upload, self.parts, self.tail = None, [], None
        self.versions = self.size = self.unsized = 0
        self.written, self.bytes_written = Counter(), Counter()

    def encode(self) -> str:
        plain = {
            "done": encode(replace(self.done, left_out=shares_of(self.left_out))),
            "bucket": self.bucket,
            "destination": self.destination,
            "after": self.after,
            "upload": self.upload,
            "parts": self.parts,
            "tail": self.tail,
            "versions": self.versions,
            "size": self.size,
            "unsized": self.unsized,
            "written": self.written,
            "bytes_written": self.bytes_written,
            "restarts": self.restarts,
        }
        return json.dumps(plain, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> "Draft":
        plain = json.loads(text)
        done = decode(plain.pop("done"))
        after = plain.pop("after")
        return cls(
            done=replace(done, left_out=()),
            after=Position(*after) if after else None,
            left_out={one.name: one for one in done.left_out},
            written=Counter(plain.pop("written")),
            bytes_written=Counter(plain.pop("bytes_written")),
            **plain,
        )
