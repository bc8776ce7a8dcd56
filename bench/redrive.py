"""Memory and speed of a plan of a million versions, in rounds, with S3 and the table in memory.

python -m bench.redrive [versions]
"""

import resource
import sys
import time
import tracemalloc
from collections.abc import Sequence
from functools import partial

from redrive.manifest import PART_BYTES
from redrive.plan import RESERVE_SECONDS
from replication.errors import Denied
from replication.head.port import Head
from replication.ledger.index import Chunk, ChunkRequest, Filters, Position
from replication.ledger.item import LedgerItem
from replication.ledger.state import Record, State
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from tests.redrive.world import FAILED_AT, MemoryItems, MemoryManifests, World
from tests.support.fakes import MemoryObjects, history, rule

VERSIONS = 1_000_000
KEY = "a/key/as/long/as/many/are/{:07}.parquet"
ROUND_SECONDS = 30.0
STATE = State(status=Status.FAILED, since=FAILED_AT, rule_id="to-dst-a", size=1_000)


class Endless(MemoryItems):
    """A list of so many versions, made when they are read."""

    count = VERSIONS

    def fetch(self, filters: Filters, wanted: Sequence[ChunkRequest]) -> Sequence[Chunk]:
        return [self._made(one) for one in wanted]

    def _made(self, wanted: ChunkRequest) -> Chunk:
        first = int(wanted.after.tie, 16) + 1 if wanted.after else 0
        last = min(self.count, first + wanted.entries)
        rows = [(Position(FAILED_AT, f"{n:016x}"), item(n)) for n in range(first, last)]
        return Chunk(rows, len(rows), rows[-1][0] if last < self.count else None)


class Discarding(MemoryManifests):
    """Counts bytes and keeps none."""

    stored = 0

    def part(self, key: str, upload: str, number: int, body: bytes) -> str:
        self.stored += len(body)
        return super().part(key, upload, number, b"")

    def keep(self, key: str, body: bytes) -> None:
        self.kept_objects = {key: body}


class Denying(MemoryObjects):
    """Answers no HEAD, so every version is in the plan without one, and keeps no record of it."""

    def head(self, version: ObjectVersion) -> Head | None:
        raise Denied("s3:GetObjectVersion", version.bucket)


def left(end: float) -> float:
    """Seconds a round has, with its reserve."""
    return end + RESERVE_SECONDS - time.monotonic()


def item(number: int) -> LedgerItem:
    return LedgerItem(ObjectVersion("src", KEY.format(number), "v" * 32), "dst-a", Record(STATE))


def main(versions: int) -> None:
    Endless.count = versions
    manifests = Discarding()
    world = World(items=Endless(), manifests=manifests, objects=Denying())
    world.histories = {"src": history("src", rule("dst-a"))}
    status, made = world.post(bucket="src")
    assert status == 202, made
    tracemalloc.start()
    begun, rounds = time.monotonic(), 0
    while world.queue.sent:
        body = world.queue.sent.pop()
        end = time.monotonic() + ROUND_SECONDS
        world.redrives.handle(body, partial(left, end))
        rounds += 1
    seconds = time.monotonic() - begun
    plan = world.redrive(made["id"])
    _, peak = tracemalloc.get_traced_memory()
    assert plan.versions == versions
    print(f"{plan.versions:,} versions in {rounds} rounds, {seconds:.0f} s of this machine")
    print(f"  manifest {manifests.stored / 1e6:.0f} MB in parts of {PART_BYTES >> 20} MB")
    print(f"  at most {peak / 1e6:.0f} MB allocated at once; the process had")
    print(f"  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else VERSIONS)
