"""`s3rt redrive`: replicate once more exactly what failed, through S3 Batch Operations."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from replication.published.redrive import RedriveState
from s3rt import text
from s3rt.api import Api, ApiProblem
from s3rt.exit_codes import ExitCode, Stop
from s3rt.options import DestinationOption, Json, ReasonOption, RuleOption, Since, Until, api_of

POLL_SECONDS = 2.0
_SHOWN = 5
_ENDS_WELL = {RedriveState.PLANNED, RedriveState.COMPLETED}
_GOES_ON = {
    RedriveState.PLANNING,
    RedriveState.STARTING,
    RedriveState.RUNNING,
    RedriveState.CANCELLING,
}
app = typer.Typer(
    help="Replicates once more what failed: a plan first, then its start.",
    epilog="Exit codes: 0 planned, or completed without a failed task; 1 refused, expired, stopped,"
    " cancelled, or some tasks failed; 3 it goes on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `plan` or `list` prints it")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Until that has ended")]
Force = Annotated[
    bool, typer.Option("--force", help="Although the cause of the failures seems to stand open")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Start without asking")]


@app.command()
def plan(
    context: typer.Context,
    bucket: Annotated[
        str | None, typer.Argument(metavar="[BUCKET]", help="Without it every source bucket")
    ] = None,
    destination: DestinationOption = None,
    rule: RuleOption = None,
    reason: ReasonOption = None,
    prefix: Annotated[str | None, typer.Option("--prefix", help="Only keys that begin so")] = None,
    since: Since = None,
    until: Until = None,
    incident: Annotated[
        str | None, typer.Option("--incident", help="What this incident is about")
    ] = None,
    force: Force = False,
    wait: Wait = True,
    json: Json = False,
) -> None:
    """Says what a redrive would replicate, where to and what that costs; starts nothing."""
    wanted = {
        "bucket": bucket,
        "destination": destination,
        "rule_id": rule,
        "code": reason,
        "prefix": prefix,
        "since": since,
        "until": until,
        "incident_id": incident,
    }
    body = {name: value for name, value in wanted.items() if value is not None}
    with _asking(context) as api:
        made = api.post("/v1/redrives", body | ({"force": True} if force else {}))
        found = _awaited(api, made, {RedriveState.PLANNING}) if wait else made
    _show(found, json=json)


@app.command()
def start(
    context: typer.Context,
    plan_id: Id,
    yes: Yes = False,
    force: Force = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended")] = False,
    json: Json = False,
) -> None:
    """Starts a plan. Started again, it starts nothing twice."""
    with _asking(context) as api:
        found = api.get(f"/v1/redrives/{plan_id}")
        if found["state"] == RedriveState.PLANNED and not yes:
            _confirm(found)
        body: dict[str, Any] = {"dry_run": False, "plan_id": plan_id}
        made = api.post("/v1/redrives", body | ({"force": True} if force else {}))
        found = _awaited(api, made, _GOES_ON) if wait else made
    _show(found, json=json)


@app.command()
def status(
    context: typer.Context,
    redrive_id: Id,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended")] = False,
    json: Json = False,
) -> None:
    """How far a plan or a redrive is, and what it could not do."""
    with _asking(context) as api:
        found = api.get(f"/v1/redrives/{redrive_id}")
        if wait:
            found = _awaited(api, found, _GOES_ON)
    _show(found, json=json)


@app.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many")] = 20,
    json: Json = False,
) -> None:
    """Plans and redrives, the newest first."""
    with _asking(context) as api:
        found = api.get("/v1/redrives", limit=limit)
    if json:
        text.as_json(found)
        return
    out = text.console()
    if not found["items"]:
        out.print("Nothing was planned or started yet.")
        return
    table = text.table("ID", "STATE", "VERSIONS", "BUCKETS", "STARTED BY", right=("VERSIONS",))
    for one in found["items"]:
        table.add_row(
            text.plain(one["id"]),
            _state(one["state"]),
            text.number(one["versions"]),
            text.plain(", ".join(job["bucket"] for job in one["jobs"]) or None),
            text.plain(one["why"] or one["started_by"]),
        )
    out.print(table)


@app.command()
def cancel(context: typer.Context, redrive_id: Id, json: Json = False) -> None:
    """Cancels the jobs of a redrive, or drops a plan. What was replicated stays."""
    with _asking(context) as api:
        found = api.delete(f"/v1/redrives/{redrive_id}")
    if json:
        text.as_json(found)
        return
    _print(text.console(), found)


@contextmanager
def _asking(context: typer.Context) -> Iterator[Api]:
    with api_of(context) as api:
        try:
            yield api
        except ApiProblem as problem:
            if problem.status == 403:
                raise Stop(
                    "the API lets you neither plan, start nor cancel: the stack has to be deployed"
                    " with redrive=true, you have to be one of its operators, and your policy has"
                    " to allow execute-api:Invoke on POST and DELETE of /v1/redrives"
                    f" ({problem.problem.get('detail')})",
                    ExitCode.UNREACHABLE,
                ) from problem
            if problem.status == 409:
                raise Stop(str(problem.problem.get("detail")), ExitCode.FAILED) from problem
            raise


def _awaited(api: Api, found: Any, states: set[RedriveState]) -> Any:
    while found["state"] in states:
        time.sleep(POLL_SECONDS if found["state"] != RedriveState.PLANNING else POLL_SECONDS / 4)
        found = api.get(found["api_path"])
    return found


def _confirm(found: Any) -> None:
    """Asks before money is spent."""
    _print(text.errors(), found)
    if not typer.confirm("Start it?", err=True):
        raise Stop("not started", ExitCode.USAGE)


def _show(found: Any, *, json: bool) -> None:
    """Prints it and ends with its exit code."""
    if json:
        text.as_json(found)
    else:
        _print(text.console(), found)
    raise typer.Exit(exit_code(found))


def exit_code(found: Any) -> ExitCode:
    if found["state"] in _GOES_ON:
        return ExitCode.PENDING
    failed = any(job["failures"] for job in found["jobs"])
    return ExitCode.OK if found["state"] in _ENDS_WELL and not failed else ExitCode.FAILED


def _state(state: str) -> Text:
    style = "green" if state in _ENDS_WELL else "yellow" if state in _GOES_ON else "red"
    return text.plain(state, style)


def _print(out: Console, found: Any) -> None:
    out.print(
        Text.assemble("Redrive ", text.plain(found["id"], "bold"), " ", _state(found["state"]))
    )
    if found["refusal"]:
        out.print(text.plain(f"  {found['refusal']['detail']}", "red"))
    for concern in found["concerns"]:
        out.print(text.plain(f"  Forced, although: {concern}", "yellow"))
    if found["versions"] is not None:
        out.print(
            Text.assemble(
                "  ", text.number(found["versions"]), " versions, ", text.size(found["bytes"])
            )
        )
        for one in found["destinations"]:
            out.print(
                Text.assemble("  → ", text.plain(one["bucket"]), ": ", text.number(one["versions"]))
            )
        out.print(f"  {_cost(found['estimated_cost_usd'])}")
    for one in found["left_out"]:
        out.print(
            text.plain(
                f"  left out, {one['reason']}: {one['count']:,}. {one['explanation']}", "dim"
            )
        )
        for sample in one["samples"][:_SHOWN]:
            out.print(text.plain(f"    s3://{sample['bucket']}/{sample['key']}", "dim"))
    if found["state"] == RedriveState.PLANNED:
        out.print(f"  start it until {found['expires_at']}: s3rt redrive start {found['id']}")
    if found["started_at"]:
        for job in found["jobs"]:
            _print_job(out, job)


def _cost(cost: Any) -> str:
    if cost["total"] is None:
        known = cost["jobs"] + cost["objects"] + cost["requests"]
        return f"at least ${known:.2f}; the size of some versions is not known"
    return (
        f"at most ${cost['total']:.2f}: jobs ${cost['jobs']:.2f}, objects ${cost['objects']:.2f},"
        f" requests ${cost['requests']:.2f}, transfer ${cost['transfer']:.2f} if between Regions"
    )


def _print_job(out: Console, job: Any) -> None:
    done = (
        f"{job['succeeded'] or 0:,} succeeded, {job['failed'] or 0:,} failed of {job['versions']:,}"
    )
    out.print(
        text.plain(f"  {job['bucket']}: {job['status'] or job['state']}, {done}"),
    )
    if job["problem"]:
        out.print(text.plain(f"    {job['problem']}", "red"))
    for one in job["failures"]:
        failure = one["failure"]
        out.print(text.plain(f"    {one['count']:,} x {failure['code']}: {failure['fix']}", "red"))
        for sample in one["samples"][:_SHOWN]:
            out.print(text.plain(f"      s3://{sample['bucket']}/{sample['key']}", "dim"))
