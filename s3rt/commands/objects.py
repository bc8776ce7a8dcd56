"""`s3rt status`, `versions` and `history`: one object, and all that is known of it."""

import time
from itertools import pairwise
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from replication import times
from s3rt import text
from s3rt.api import Api, ApiProblem
from s3rt.commands import verify
from s3rt.exit_codes import ExitCode
from s3rt.options import Json, ObjectArgument, Place, VersionId, api_of, duration

NOBODY_KNOWS_WHERE = (
    "An inventory told this status, and no rule the tracker knows says of which destination."
)
IN_DOUBT = "In doubt where it goes: S3 is asked within minutes, or the rules are read again."
NOT_TAKEN = {
    True: "A rule takes it, and nobody knows where.",
    False: "No replication rule takes this version.",
    None: "Whether a replication rule takes this version is not known.",
}
WAIT_SECONDS = 20
"""One request's share of a wait; the API takes at most 25."""


def status(
    context: typer.Context,
    name: ObjectArgument,
    version_id: VersionId = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until COMPLETED or FAILED")] = False,
    timeout: Annotated[
        float,
        typer.Option(parser=duration, metavar="DURATION", help="How long --wait waits"),
    ] = "15m",  # type: ignore[assignment]
    ask_s3: Annotated[
        bool, typer.Option("--verify", help="HEAD the buckets now, and show both answers")
    ] = False,
    json: Json = False,
) -> None:
    """Did it replicate, to every destination, when, and if not, why and what to do.

    Exit code 0: COMPLETED or a replica; 1: FAILED; 3: still pending, or in doubt; 4: not tracked,
    or no rule takes it; 6: with --verify, S3 says otherwise.
    """
    with api_of(context) as api:
        found = (
            waited(api, name, version_id, timeout)
            if wait
            else api.object(name.bucket, name.key, version_id)
        )
    seen = verify.verify(context.obj().client("s3"), found) if ask_s3 else []
    if json:
        text.as_json({**found, "s3": verify.as_json(seen)} if ask_s3 else found)
    else:
        describe(text.console(), found)
        if seen:
            verify.show(text.console(), seen)
    raise typer.Exit(ExitCode.DIFFERS if verify.differs(seen) else code_of(found))


def versions(
    context: typer.Context,
    name: ObjectArgument,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="With those that were deleted for good")
    ] = False,
    json: Json = False,
) -> None:
    """The tracked versions of one key that exist, newest first."""
    with api_of(context) as api:
        path = f"/v1/buckets/{name.bucket}/object/versions"
        pages = list(api.pages(path, key=name.key, deleted="true" if deleted else None))
    items = [one for page in pages for one in page["items"]]
    complete = all(page["complete"] for page in pages)
    heard_until = pages[0]["heard_until"]
    if json:
        text.as_json({"items": items, "complete": complete, "heard_until": heard_until})
        return
    out = text.console()
    table = text.table("STATUS", "VERSION", "CREATED", "SIZE", "DESTINATIONS", right=("SIZE",))
    for one in items:
        table.add_row(
            text.status(one["replication_status"], one["in_doubt"]),
            text.plain(one["version_id"]),
            text.plain(one["created_at"]),
            _kind(one),
            _places(one),
        )
    out.print(table)
    if not complete:
        text.incomplete(out, heard_until=heard_until)


def history(
    context: typer.Context, name: ObjectArgument, version_id: VersionId = None, json: Json = False
) -> None:
    """The life of one object version: every change of its status, and what it was learnt from.

    Exit codes as `status` has them.
    """
    with api_of(context) as api:
        found = api.object(name.bucket, name.key, version_id)
    if json:
        names = ("bucket", "key", "version_id", "created_at", "deleted_at", "transitions")
        text.as_json({one: found[one] for one in names})
    else:
        _tell(text.console(), found)
    raise typer.Exit(code_of(found))


def code_of(found: dict[str, Any]) -> ExitCode:
    """The exit code an object's answer stands for. What is COMPLETED wherever it is known to go is
    done, also while the rules were not read since."""
    match found["replication_status"]:
        case "COMPLETED" | "REPLICA":
            return ExitCode.OK
        case "FAILED":
            return ExitCode.FAILED
        case None if not found["in_doubt"] and (
            found["eligible"] is False or not found["destinations"]
        ):
            return ExitCode.NOT_TRACKED
        case _:
            return ExitCode.PENDING


def waited(
    api: Api,
    name: Place,
    version_id: str | None,
    timeout: float,
    destination: str | None = None,
) -> Any:
    """The object when it has settled (at `destination`, if given) or the time is over. ApiProblem
    when it is not tracked even then."""
    deadline = time.monotonic() + timeout
    path = f"/v1/buckets/{name.bucket}/object/wait"
    with Console(stderr=True).status("waiting for COMPLETED or FAILED"):
        while True:
            left = max(0.0, deadline - time.monotonic())
            try:
                found = api.get(
                    path,
                    key=name.key,
                    version_id=version_id,
                    destination=destination,
                    timeout=round(min(WAIT_SECONDS, left), 3),
                )
            except ApiProblem as problem:
                if problem.status != 404 or not _may_come(problem) or left <= WAIT_SECONDS:
                    raise
                continue
            if not found["timed_out"] or left <= WAIT_SECONDS:
                return found


def _may_come(problem: ApiProblem) -> bool:
    return str(problem.problem.get("type", "")).endswith(":object-not-tracked")


def describe(out: Console, found: dict[str, Any]) -> None:
    status = text.status(found["replication_status"], found["in_doubt"])
    out.print(Text.assemble(status, "  ", _name(found)))
    facts = text.table("", "")
    facts.show_header = False
    facts.add_row(Text("version", style="dim"), text.plain(found["version_id"]))
    if found["delete_marker"]:
        facts.add_row(Text("kind", style="dim"), Text("delete marker"))
    elif found["size"] is not None:
        facts.add_row(Text("size", style="dim"), text.size(found["size"]))
    for field, label in (("created_at", "created"), ("deleted_at", "deleted for good")):
        if found[field] is not None:
            facts.add_row(Text(label, style="dim"), text.plain(found[field]))
    if found["role"] == "replica":
        facts.add_row(Text("replica of", style="dim"), _origin(found))
    facts.add_row(Text("last heard of", style="dim"), text.plain(found["observed_at"]))
    out.print(facts)
    if found["role"] == "source" and not found["destinations"]:
        told = found["replication_status"] is not None
        out.print(NOBODY_KNOWS_WHERE if told else NOT_TAKEN[found["eligible"]])
    if found["in_doubt"]:
        out.print(Text(IN_DOUBT, style="yellow"))
    for one in found["destinations"]:
        _destination(out, one)


def _destination(out: Console, one: dict[str, Any]) -> None:
    status = text.status(one["status"], one["in_doubt"])
    line = Text.assemble("\n", status, "  ", text.plain(one["bucket"], "bold"))
    if one["since"]:
        line.append(f"  since {one['since']}")
    if one["latency_seconds"] is not None:
        line.append_text(Text.assemble(", after ", text.span(one["latency_seconds"])))
    if one["late"]:
        line.append(", later than the threshold", style="yellow")
    if one.get("stale"):
        line.append(", for over a day: S3 has not called it failed", style="yellow")
    if one.get("lost_at"):
        line.append(f", and deleted there {one['lost_at']}", style="yellow")
    out.print(line)
    learnt = Text("  by rule ", style="dim").append_text(text.plain(one["rule_id"]))
    out.print(learnt.append(", learnt from ").append_text(text.plain(one["evidence"])))
    if failure := one["failure"]:
        failed(out, failure)


def failed(out: Console, failure: dict[str, Any]) -> None:
    """Why, and what to do."""
    code = text.plain(failure["code"] or "no reason given", "bold red")
    out.print(Text.assemble("  ", code, "  ", text.plain(failure["explanation"])))
    out.print(Text.assemble("  ", Text("fix ", style="green"), text.plain(failure["fix"])))


def _tell(out: Console, found: dict[str, Any]) -> None:
    out.print(Text.assemble(_name(found), "  ", text.plain(found["version_id"], "dim")))
    events = found["transitions"]
    if not events:
        out.print("No change of its status is known.")
        return
    table = text.table("AT", "AFTER", "DESTINATION", "STATUS", "LEARNT FROM", "DETAIL")
    gaps = [None, *(_gap(before["at"], after["at"]) for before, after in pairwise(events))]
    for one, gap in zip(events, gaps, strict=True):
        table.add_row(
            text.plain(one["at"]),
            Text("") if gap is None else text.span(gap),
            text.plain(one["destination"]),
            text.status(one["to"]),
            text.plain(one["evidence"]),
            text.plain(one["detail"] or ""),
        )
    out.print(table)


def _gap(before: str, after: str) -> float:
    return times.seconds_between(times.parse(before), times.parse(after))


def _kind(found: dict[str, Any]) -> Text:
    shown = Text("delete marker") if found["delete_marker"] else text.size(found["size"])
    return shown.append(", deleted", style="dim") if found["deleted_at"] else shown


def _name(found: dict[str, Any]) -> Text:
    return text.plain(f"s3://{found['bucket']}/{found['key']}", "bold")


def _origin(found: dict[str, Any]) -> Text:
    source = found["source"]
    return _name(source) if source else Text("a version that no tracked bucket is known to have")


def _places(found: dict[str, Any]) -> Text:
    if found["role"] == "replica":
        return Text.assemble("replica of ", _origin(found))
    shown = [
        Text.assemble(text.plain(one["bucket"]), " ", text.status(one["status"], one["in_doubt"]))
        for one in found["destinations"]
    ]
    unknown = "no rule takes it" if found["eligible"] is False else "nobody knows where"
    return Text(", ").join(shown) if shown else Text(unknown, style="dim")
