"""`s3rt incidents`: many failures of one kind, told once."""

from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from s3rt import text
from s3rt.commands.lists import CollectedRows
from s3rt.commands.objects import failed
from s3rt.exit_codes import ExitCode
from s3rt.options import Json, api_of


def command(
    context: typer.Context,
    state: Annotated[
        Literal["open", "resolved", "all"], typer.Option("--state", help="Which ones")
    ] = "open",
    limit: Annotated[int, typer.Option(min=1, help="At most so many")] = 100,
    json: Json = False,
) -> None:
    """Failures of one kind as one thing, with the reason and what to do.

    Exit code 1 when an open one is among them that is not configured as benign.
    """
    found = CollectedRows()
    with api_of(context) as api:
        pages = api.pages(
            "/v1/incidents", state=None if state == "all" else state, limit=min(limit, 1_000)
        )
        found.take(pages, limit)
    if json:
        text.as_json(found.as_json())
    else:
        _print(text.console(), found, state)
    worrying = any(one["state"] == "open" and not one["benign"] for one in found.items)
    raise typer.Exit(ExitCode.FAILED if worrying else ExitCode.OK)


def _print(out: Console, found: CollectedRows, state: str) -> None:
    if not found.items:
        out.print("No incident is open." if state == "open" else "No incident is known.")
    for one in found.items:
        _incident(out, one)
    if found.truncated:
        out.print("There are more; `--limit` shows them.")
    if not found.complete:
        text.incomplete(out)


def _incident(out: Console, one: dict[str, Any]) -> None:
    style = "bold red" if one["state"] == "open" and not one["benign"] else "bold"
    line = text.plain(f"{one['bucket']} → {one['destination']}", style)
    line.append(f"  {one['state']}{', benign' if one['benign'] else ''}", style="dim")
    out.print(line.append_text(text.plain(f"  {one['id']}", "dim")))
    failed(out, one["failure"])
    until = f", resolved {one['resolved_at']}" if one["resolved_at"] else ""
    out.print(
        Text.assemble(
            f"  {one['failing']:,} of {one['failures']:,} failures stand, ",
            text.size(one["bytes_held_back"]),
            f" held back; first {one['first_failed_at']}, last {one['last_failed_at']}{until}",
        )
    )
    for sample in one["samples"]:
        out.print(Text.assemble("  ", text.plain(f"s3://{one['bucket']}/{sample['key']}", "dim")))
    out.print()
