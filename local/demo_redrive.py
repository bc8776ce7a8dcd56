"""The end of the demo: a destination breaks and is mended, and what failed goes once more."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, TypeVar

from local import demo_buckets

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from s3rt.api import Api

PREFIX = "TaxDocs/quarter/"
OBJECTS = 5
CODE = "DstPutObjectNotPermitted"
PATIENCE_SECONDS = 60
T = TypeVar("T")


def run(console: Console, s3: Any, api: Api) -> int:
    """Prints it; how many versions are not COMPLETED in the end."""
    console.rule("[bold]A destination breaks, is mended, and what failed is replicated again")
    _break(s3)
    written = {f"{PREFIX}{number}.pdf": "" for number in range(1, OBJECTS + 1)}
    for key in written:
        written[key] = _put(s3, key)
    failed = _until(lambda: _statuses(api, written) == {"FAILED"})
    s3.delete_bucket_policy(Bucket=demo_buckets.REPLICA_2)
    probe = {f"{PREFIX}probe.pdf": _put(s3, f"{PREFIX}probe.pdf")}
    mended = _until(lambda: _statuses(api, probe) == {"COMPLETED"})
    if not failed or not mended:
        console.print("[red]✗[/] the destination could not be broken and mended")
        return OBJECTS
    console.print(f"[green]✓[/] {OBJECTS} versions FAILED; the policy that denied them is gone")
    plan = _until(lambda: _planned(api))
    if plan is None:
        console.print("[red]✗[/] no plan was made")
        return OBJECTS
    console.print(
        f"[green]✓[/] plan {plan['id']}: {plan['versions']} versions to"
        f" {', '.join(one['bucket'] for one in plan['destinations'])}, at most"
        f" ${plan['estimated_cost_usd']['total']:.2f}"
    )
    begun = time.monotonic()
    api.post("/v1/redrives", {"dry_run": False, "plan_id": plan["id"]})
    done = _until(lambda: found if (found := api.get(plan["api_path"]))["ended_at"] else None)
    left = sum(_statuses(api, {key: version}) != {"COMPLETED"} for key, version in written.items())
    if done is None or left:
        console.print(f"[red]✗[/] {left} versions are not COMPLETED; the redrive is {done}")
        return max(left, 1)
    console.print(
        f"[green]✓[/] S3 Batch Operations replicated {done['jobs'][0]['succeeded']} versions,"
        f" and the report is in the ledger: {time.monotonic() - begun:.1f} s"
    )
    key = next(iter(written))
    for change in api.object(demo_buckets.SOURCE, key, written[key])["transitions"]:
        if change["destination"] == demo_buckets.REPLICA_2:
            console.print(
                f"  [dim]{change['at']}[/]  {change['to']}  {change['evidence']}", highlight=False
            )
    return 0


def _break(s3: Any) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ReplicateObject",
        "Resource": f"arn:aws:s3:::{demo_buckets.REPLICA_2}/{PREFIX}*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    s3.put_bucket_policy(Bucket=demo_buckets.REPLICA_2, Policy=policy)


def _put(s3: Any, key: str) -> str:
    return str(s3.put_object(Bucket=demo_buckets.SOURCE, Key=key, Body=b"quarter")["VersionId"])


def _statuses(api: Api, versions: dict[str, str]) -> set[str | None]:
    rows = api.objects(demo_buckets.SOURCE, destination=demo_buckets.REPLICA_2, prefix=PREFIX)
    found = {(row["key"], row["version_id"]): row["status"] for row in rows}
    return {found.get(version) for version in versions.items()}


def _planned(api: Api) -> Any:
    """A plan that can be started; None while the tracker has not seen that the cause is mended."""
    wanted = {
        "bucket": demo_buckets.SOURCE,
        "destination": demo_buckets.REPLICA_2,
        "prefix": PREFIX,
        "code": CODE,
    }
    made = api.post("/v1/redrives", wanted)
    found = _until(
        lambda: one if (one := api.get(made["api_path"]))["state"] != "planning" else None
    )
    return found if found and found["state"] == "planned" else None


def _until(ask: Callable[[], T]) -> T | None:
    """The first truthy answer, None when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.2)
    return answer
