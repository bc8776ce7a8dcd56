"""One run from an empty stack to a verdict."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

import s3rt.outputs
from local import demo_buckets, stack
from local.emulator import server
from local.inventory_delivery import deliver
from local.parity import customer_keys, rules, settling
from local.parity.barriers import Barriers
from local.parity.settling import Control, NotSettled
from local.parity.verdict import Heard, Verdict, judge
from local.parity.workload import Workload
from replication.published.backfill import RunState
from s3rt.api import Api
from s3rt.commands import backfill

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from local.stack import Outputs

    Progress = Callable[[str, int, int], None]
    """Told what is being done, how many of it are done, and of how many."""

INVENTORIES = "parity-inventories"
_MOST_ROUNDS = 12
_READING_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Result:
    seed: int
    verdict: Verdict
    done: Mapping[str, int]
    lost_events: int
    rounds: int
    listed: Counter[str]
    """Rows of the inventories, by what became of them."""
    dead_letters: int


def up(port: int, state_dir: Path, *, tied: bool = False) -> Outputs:
    """The stack with every age brought near, every completed version audited, and inventories."""
    return stack.up(
        port=port,
        state_dir=state_dir,
        replication=rules.at_first(),
        settings=stack.ENFORCED,
        context={
            "check_base_seconds": str(settling.CHECK_BASE_SECONDS),
            "audited": "1",
            "inventory_buckets": INVENTORIES,
        },
        tied=tied,
    )


def run(
    outputs: Outputs, seed: int, versions: int, progress: Progress, *, rule_changes: int
) -> Result:
    """`rule_changes` is about how often the rules change. NotSettled when something never ends."""
    rng = random.Random(seed)  # noqa: S311 - a reproducible life, no secret
    control = Control(outputs)
    control.begin(
        {
            **settling.FAULTS,
            "seed": seed,
            "replication_delay_seconds": settling.REPLICATION_SECONDS,
            "destination_tag_events": rng.random() < 0.5,
            "destination_delete_marker_events": rng.random() < 0.5,
        }
    )
    s3 = demo_buckets.client("s3", outputs.endpoint_url)
    sqs = demo_buckets.client("sqs", outputs.endpoint_url)
    for bucket in rules.BUCKETS:
        # New buckets take no ACLs and no public ones, and some are to change here.
        s3.put_bucket_ownership_controls(
            Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        )
        s3.delete_public_access_block(Bucket=bucket)
    customer_keys.send_along(s3)
    customer_keys.block(s3, rules.TWO)
    barriers = Barriers(s3, control.readers)
    work = Workload(s3, sqs, control.ingest, barriers, rng)
    work.run(
        versions,
        lambda: progress("writing", len(work.written), versions),
        rule_changes=rule_changes,
    )
    progress("the faults end; waiting for what is on its way", 0, 0)
    control.configure(settling.NO_FAULTS)
    barriers.lift()
    control.settle()
    rounds = _converge(control, barriers, rng.choice(rules.REPLICAS), progress)
    listed = _read_inventories(s3, outputs, progress)
    rounds += _reconcile(control, progress)
    session = boto3.Session(
        aws_access_key_id=demo_buckets.CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=demo_buckets.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=server.REGION,
    )
    with Api.at(outputs.api_url, outputs.region, session) as api:
        compared = 0

        def advance() -> None:
            nonlocal compared
            compared += 1
            progress("comparing", compared, len(work.written))

        lost = control.lost()
        unread = frozenset(work.under_unread_rules(control.changes_read()))
        verdict = judge(s3, api, work, Heard(lost, control.in_doubt(), unread), advance)
    return Result(seed, verdict, work.done, len(lost), rounds, listed, control.dead_letters())


def _read_inventories(s3: S3Client, outputs: Outputs, progress: Progress) -> Counter[str]:
    """What S3 lists of every bucket, through the deployed backfill; the rows by what they said."""
    s3.create_bucket(Bucket=INVENTORIES)
    where = s3rt.outputs.Outputs(outputs.stack, outputs.region, outputs.endpoint_url)
    counts: Counter[str] = Counter()
    for number, bucket in enumerate(rules.BUCKETS):
        progress("reading inventories", number, len(rules.BUCKETS))
        run = backfill.start(deliver(s3, bucket, INVENTORIES), where)
        deadline = time.monotonic() + _READING_SECONDS
        last = None
        for found in backfill.watch(run, where, None):
            last = found
            if time.monotonic() > deadline:
                break
        if last is None or last.state is not RunState.FINISHED:
            raise NotSettled(f"the inventory of {bucket} is not read: {last}")
        counts += last.counts
    return counts


def _converge(control: Control, barriers: Barriers, hidden: str, progress: Progress) -> int:
    """Reconciles while the tracker may not read a destination, and again once it may; how many
    rounds it took. In between every change of the rules becomes old enough."""
    barriers.hide(hidden)
    progress(f"waiting for look backs; {hidden} may not be read", 0, 0)
    control.wait_for_look_backs()
    rounds = _reconcile(control, progress)
    if not control.looked_back():
        raise NotSettled("a change of the rules was not looked back at")
    barriers.show(hidden)
    control.let_a_day_pass()
    return rounds + _reconcile(control, progress)


def _reconcile(control: Control, progress: Progress) -> int:
    """Ticks until one changes nothing, but at least twice: a status may begin in the first."""
    for number in range(1, _MOST_ROUNDS + 1):
        progress(f"reconciling, round {number}", 0, 0)
        control.wait_for_age()
        if not control.reconcile() and number > 1:
            return number
    raise NotSettled(f"the ledger still changes after {_MOST_ROUNDS} rounds")
