"""What it takes to know that a set has arrived, as the bucket grows, and how soon after the last
arrival a wait ends.

    python -m bench.arrival [--sizes 10000,100000,1000000] [--objects 10000]

Items are put into a table of the local emulator (or of the server at LEDGER_ENDPOINT_URL) as the
ledger leaves them, a tenth of them PENDING and one in a hundred FAILED. Then the query function is
asked whether a prefix has arrived that has no objects, which is the most it ever reads, and whether
a manifest of 1,000 objects has. Requests hold everywhere. Capacity units are those of DynamoDB's
published rules, from the entries read and their size. An emulator walks the whole partition for
every query, so its times grow with the table and are not printed.

The wait is `s3rt wait` without HTTP: `--objects` versions under a prefix become COMPLETED, written
by the ledger's own writer while the wait goes on.
"""

import argparse
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config

from bench.recorder import tables
from bench.views import SHARDS, SPAN_SECONDS, put_items, stored
from replication.aws import clients
from replication.aws.table import ledger_item
from replication.aws.table.frontier import FrontierTable
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim
from replication.s3.evidence import Evidence
from replication.s3.rule_history import Revision
from replication.s3.rules import parse_configuration
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus, wall_clock
from s3rt.commands import wait
from s3rt.manifest import Named
from s3rt.options import Place
from s3rt.sets import Answer, ManifestSet, PrefixSet
from tests.support.capacity import entry, item_size
from tests.support.reads import Reads, counted
from tests.support.topology import topology_file

if TYPE_CHECKING:
    from s3rt.api import Api

ARRIVAL = "/v1/buckets/src/arrival"
MANIFEST = 1_000
WRITTEN_AT_ONCE = 500


class Asked:
    """The query function as the `Api` that `s3rt` asks."""

    def get(self, path: str, **parameters: Any) -> Any:
        from tests.query.conftest import get

        answer = get(path, **{name: one for name, one in parameters.items() if one is not None})
        assert answer.status == 200, answer.text
        return answer.json

    def post(self, path: str, body: Any, **parameters: Any) -> Any:
        from tests.query.conftest import post

        answer = post(path, body, **{name: one for name, one in parameters.items() if one})
        assert answer.status == 200, answer.text
        return answer.json


@contextmanager
def query_of(client: Any, table: str, began: Instant) -> Iterator[Asked]:
    """The query function over this table, which has one rule for all keys since `began`."""
    os.environ |= {
        "TABLE_NAME": table,
        "TOPOLOGY_FILE": topology_file("src", "dst"),
        "INCIDENT_TOPIC_ARN": "unused",
        "RECONCILE_QUEUE_URL": "unused",
        "SHARDS": str(SHARDS),
        "POWERTOOLS_SERVICE_NAME": "query",
        "POWERTOOLS_METRICS_NAMESPACE": "S3ReplicationTracker",
    }
    from query.wiring import service

    rule = {
        "ID": "rule-1",
        "Status": "Enabled",
        "Prefix": "",
        "Destination": {"Bucket": "arn:aws:s3:::dst"},
    }
    raw = {"Rules": [rule]}
    rules = RuleRevisionTable(client, table)
    rules.append("src", Revision(began, parse_configuration(raw), not_before=began), raw)
    rules.note_read("src", wall_clock())
    rules.note_listed("src", began)
    FrontierTable(client, table, wall_clock).advance(wall_clock())
    service.cache_clear()
    yield Asked()
    service.cache_clear()


def bounds(client: Any, table: str, size: int) -> Iterator[str]:
    """The dearest questions about a bucket of this size."""
    began = plus(wall_clock(), -SPAN_SECONDS - 3_000)
    put_items(client, table, 0, size, began)
    until = plus(began, SPAN_SECONDS + 1)
    pending = ledger_item.item_of(stored(10, size, began), SHARDS)
    listed, whole = item_size(entry(pending)), item_size(pending)
    with query_of(client, table, began) as api, counted(client) as reads:
        api.get(ARRIVAL, prefix="none/", until=until)  # rules and frontier are cached from now on
        reads.clear()
        worst, units, calls = 0, 0.0, 0
        cursor = None
        while True:
            found = api.get(ARRIVAL, prefix="none/", until=until, cursor=cursor)
            calls, worst = calls + 1, max(worst, reads.total)
            units += reads.units(listed)
            reads.clear()
            cursor = found["next_cursor"]
            if cursor is None:
                break
        assert found["arrived"] is True
        yield (
            f"{size:>9,} items  nothing of the prefix: {calls:3} calls, at most {worst} requests"
            f" each, {units:,.1f} read units in all"
        )
        found = api.get(ARRIVAL, prefix="k/", until=until)
        assert found["arrived"] is False
        yield _said(size, "all of it, much missing", reads, listed)
        reads.clear()
        names = [{"key": f"k/{n:08}", "version_id": f"{n:032}"} for n in range(MANIFEST)]
        found = api.post(ARRIVAL, {"objects": names}, until=until)
        assert found["counts"]["total"] == MANIFEST
        yield _said(size, f"a manifest of {MANIFEST:,}", reads, whole)


def _said(size: int, what: str, reads: Reads, entry_bytes: int) -> str:
    return (
        f"{size:>9,} items  {what}: {reads.total} requests,"
        f" {reads.units(entry_bytes):,.1f} read units"
    )


def facts(objects: int, at: Instant, kind: Kind) -> list[Claim]:
    evidence = Evidence.OBJECT_CREATED if kind is Kind.REQUESTED else Evidence.REPLICA_CREATED
    return [
        Claim(
            Fact(
                kind=kind,
                version=ObjectVersion("src", f"run/{number:06}", f"{number:032}"),
                destination="dst",
                at=at,
                evidence=evidence,
                id=f"{kind}{number}",
                rule_id="rule-1",
                size=1_000,
            )
        )
        for number in range(objects)
    ]


def waited(client: Any, table: str, objects: int, *, by_manifest: bool) -> str:
    """One wait: how long after the last arrival was written it ended, and what it asked."""
    ledger = DynamoDBLedger(client, table, SHARDS)
    began = plus(wall_clock(), -3_600)

    def write(claims: list[Claim]) -> None:
        for start in range(0, len(claims), WRITTEN_AT_ONCE):
            ledger.write(claims[start : start + WRITTEN_AT_ONCE])

    write(facts(objects, plus(began, 60), Kind.REQUESTED))
    where, until = Place("src", "run/"), plus(began, 3_000)
    names = [Named(f"run/{number:06}", f"{number:032}") for number in range(objects)]
    wanted = (
        ManifestSet(where, "dst", until, names)
        if by_manifest
        else PrefixSet(where, "dst", None, until)
    )
    ended: list[tuple[float, Answer]] = []

    def wait_for() -> None:
        found = wait._waited_for(cast("Api", api), wanted, 600)
        ended.append((time.monotonic(), found))

    with query_of(client, table, began) as api, counted(client) as reads:
        waiting = threading.Thread(target=wait_for)
        waiting.start()
        write(facts(objects, plus(began, 64), Kind.ARRIVED))
        last = time.monotonic()
        waiting.join()
    ((at, found),) = ended
    assert found["arrived"] is True, found
    return (
        f"{objects:,} objects by {'manifest' if by_manifest else 'prefix'}: the wait ended"
        f" {at - last:.1f} s after the last arrival was written, after"
        f" {reads.requests['Query']:,} queries"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", default="10000,100000,1000000")
    arguments.add_argument("--objects", type=int, default=10_000)
    given = arguments.parse_args()
    # A local server with a million items and few cores may need longer than DynamoDB ever does.
    clients._OF_THE_TABLE = clients._OF_THE_TABLE.merge(Config(read_timeout=60))
    with tables() as (client, make):
        for by_manifest in (False, True):
            print(waited(client, make(), given.objects, by_manifest=by_manifest), flush=True)
        for size in (int(one) for one in given.sizes.split(",")):
            for line in bounds(client, make(), size):
                print(line, flush=True)


if __name__ == "__main__":
    main()
