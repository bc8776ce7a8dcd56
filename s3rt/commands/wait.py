"""`s3rt wait`: until an object, a prefix or a manifest has arrived."""

import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.text import Text

from s3rt import manifest, text
from s3rt.api import Api, ApiProblem
from s3rt.commands.objects import code_of, describe, failed, waited
from s3rt.exit_codes import ExitCode, is_transient
from s3rt.options import (
    DestinationOption,
    Json,
    Place,
    PrefixArgument,
    Since,
    Until,
    VersionId,
    api_of,
    duration,
)
from s3rt.sets import Answer, ManifestSet, PrefixSet, may_arrive

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 5.0
GROWTH = 1.5


def command(
    context: typer.Context,
    name: PrefixArgument,
    file: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            metavar="FILE",
            help="Wait for these objects: a key a line, with a version id after a tab, or JSON",
        ),
    ] = None,
    as_prefix: Annotated[
        bool, typer.Option("--prefix", help="All keys that begin so, also without / at the end")
    ] = False,
    version_id: VersionId = None,
    destination: DestinationOption = None,
    since: Since = None,
    until: Until = None,
    timeout: Annotated[
        float, typer.Option(parser=duration, metavar="DURATION", help="How long to wait")
    ] = "15m",  # type: ignore[assignment]
    json: Json = False,
) -> None:
    """Until an object, everything under a prefix (it ends with /), or a manifest has arrived.

    A set is what was written before the command began (or --until). A prefix has arrived at the
    earliest when the tracker has recorded every event before, a few minutes later; a manifest with
    version ids as soon as they have. Ends at once when something failed.

    Exit code 0: all of it has arrived; 1: something FAILED; 3: the time is over; 4: not tracked,
    no rule takes it, or nothing certain will be known.
    """
    of_prefix = file is None and (as_prefix or not name.key or name.key.endswith("/"))
    if version_id is not None and (of_prefix or file is not None):
        raise typer.BadParameter("--version-id is for one object; a manifest names its own")
    if since is not None and not of_prefix:
        raise typer.BadParameter("--since is for a prefix, which ends with / or has --prefix")
    with api_of(context) as api:
        if file is not None:
            objects = manifest.read(file, name)
            found = _waited_for(api, ManifestSet(name, destination, until, objects), timeout)
        elif of_prefix:
            found = _waited_for(api, PrefixSet(name, destination, since, until), timeout)
        else:
            _one_object(api, name, version_id, destination, timeout, json)
    if json:
        text.as_json(found)
    else:
        _show(text.console(), found, name)
    raise typer.Exit(_code(found))


def _one_object(
    api: Api,
    name: Place,
    version_id: str | None,
    destination: str | None,
    timeout: float,
    json: bool,
) -> None:
    found = waited(api, name, version_id, timeout, destination)
    if json:
        text.as_json(found)
    else:
        describe(text.console(), found)
    raise typer.Exit(code_of(_at(found, destination)))


def _at(found: dict[str, Any], destination: str | None) -> dict[str, Any]:
    """The object as if it went to this destination alone."""
    if destination is None or found["role"] == "replica":
        return found
    places = [one for one in found["destinations"] if one["bucket"] == destination]
    status = places[0]["status"] if places else None
    return {**found, "replication_status": status, "destinations": places}


def _waited_for(api: Api, wanted: PrefixSet | ManifestSet, timeout: float) -> Answer:
    """The last answer, with `timed_out`. Pauses grow, so a long wait asks seldom."""
    deadline, pause = time.monotonic() + timeout, FIRST_PAUSE
    with Console(stderr=True).status("waiting") as status:
        while True:
            found: Answer | None = None
            try:
                found = wanted.ask(api)
            except (ApiProblem, httpx.TransportError) as error:
                if not is_transient(error) or time.monotonic() >= deadline:
                    raise
            if found is not None:
                if not may_arrive(found):
                    return found | {"timed_out": False}
                if time.monotonic() >= deadline:
                    return found | {"timed_out": True}
                status.update(_line(found))
                if found.get("next_cursor"):
                    continue  # it has not read everything yet
            time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
            pause = min(LONGEST_PAUSE, pause * GROWTH)


def _code(found: Answer) -> ExitCode:
    if found["failures"]:
        return ExitCode.FAILED
    if found["arrived"]:
        return ExitCode.OK
    return ExitCode.PENDING if found["timed_out"] else ExitCode.NOT_TRACKED


def _line(found: Answer) -> str:
    counts = [
        f"{number:,} {name.replace('_', ' ')}"
        for name, number in found["counts"].items()
        if number and name != "total"
    ]
    return ", ".join(counts) or str(found["reason"] or "waiting")


def _show(out: Console, found: Answer, name: Place) -> None:
    word = {True: ("arrived", "green"), False: ("not arrived", "yellow"), None: ("? not known", "")}
    said, style = word[found["arrived"]]
    if found["failures"]:
        said, style = "failed", "bold red"
    line = Text.assemble(Text(said, style=style), "  ", text.plain(str(name), "bold"))
    if found["destination"]:
        line.append_text(Text.assemble(" → ", text.plain(found["destination"])))
    out.print(line.append(f"  {_line(found)}" if any(found["counts"].values()) else ""))
    if oldest := found["oldest_pending"]:
        out.print(
            Text.assemble(
                "  oldest pending ",
                text.plain(f"s3://{oldest['bucket']}/{oldest['key']}"),
                " → ",
                text.plain(oldest["destination"]),
                ", for ",
                text.span(oldest["age_seconds"]),
            )
        )
    for row in found["failures"]:
        out.print(
            Text.assemble(
                "  ",
                text.plain(f"s3://{row['bucket']}/{row['key']}"),
                " → ",
                text.plain(row["destination"]),
            )
        )
        failed(out, row["failure"])
    for one in found.get("unknown", []):
        out.print(Text.assemble("  ", text.plain(one["key"]), "  ", text.plain(one["reason"])))
    if found["reason_detail"]:
        out.print(text.plain(found["reason_detail"], "yellow"))
    if found["arrived"] and not found["seen"]:
        out.print(Text("Nothing is missing; nothing was found there either.", style="yellow"))
    if found["timed_out"]:
        out.print(Text("The time is over; a longer --timeout waits on.", style="yellow"))
