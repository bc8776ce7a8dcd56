"""`s3rt doctor`: what keeps the tracker from knowing, and how to mend it."""

from itertools import groupby
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from cli import show
from cli.exits import Code
from cli.options import Json, asking

_SIGNS = {"error": ("✗", "bold red"), "warning": ("!", "yellow")}


def command(context: typer.Context, json: Json = False) -> None:
    """What keeps the tracker from knowing, bucket by bucket, each with its fix.

    Exit code 1 when something cannot be known, and not merely later.
    """
    with asking(context) as api:
        found = api.get("/v1/doctor")
    if json:
        show.as_json(found)
    else:
        _print(show.console(), found)
    worrying = any(one["severity"] == "error" for one in found["items"])
    raise typer.Exit(Code.FAILED if worrying else Code.OK)


def _print(out: Console, found: dict[str, Any]) -> None:
    if not found["items"]:
        out.print(Text("✓ Nothing is in the tracker's way.", style="green"))
    for bucket, findings in groupby(found["items"], key=lambda one: one["bucket"]):
        out.print(show.plain(bucket, "bold"))
        for one in findings:
            _finding(out, one)
    if not found["complete"]:
        show.incomplete(out, "a bucket's replication configuration was never read")


def _finding(out: Console, one: dict[str, Any]) -> None:
    sign, style = _SIGNS.get(one["severity"], ("?", ""))
    seen = f"  seen {one['observed_at']}" if one["observed_at"] else ""
    name = Text(f"  {sign} ", style=style).append_text(show.plain(one["check"], style))
    out.print(name.append(seen, style="dim"))
    out.print(Text("    ").append_text(show.plain(one["finding"])))
    out.print(Text("    fix ", style="green").append_text(show.plain(one["fix"])))
