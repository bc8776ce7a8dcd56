"""`s3rt doctor`: what keeps the tracker from knowing, and how to mend it."""

from itertools import groupby
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from s3rt import text
from s3rt.exit_codes import ExitCode
from s3rt.options import Json, api_of

_SIGNS = {"error": ("✗", "bold red"), "warning": ("!", "yellow")}


def command(context: typer.Context, json: Json = False) -> None:
    """What keeps the tracker from knowing, bucket by bucket, each with its fix.

    Exit code 1 when something cannot be known, and not merely later.
    """
    with api_of(context) as api:
        found = api.get("/v1/doctor")
    if json:
        text.as_json(found)
    else:
        _print(text.console(), found)
    worrying = any(one["severity"] == "error" for one in found["items"])
    raise typer.Exit(ExitCode.FAILED if worrying else ExitCode.OK)


def _print(out: Console, found: dict[str, Any]) -> None:
    if not found["items"]:
        out.print(Text("✓ Nothing is in the tracker's way.", style="green"))
    for bucket, findings in groupby(found["items"], key=lambda one: one["bucket"]):
        out.print(text.plain(bucket or "The tracker itself", "bold"))
        for one in findings:
            _finding(out, one)
    if not found["complete"]:
        text.incomplete(out, "a bucket's replication configuration was never read")


def _finding(out: Console, one: dict[str, Any]) -> None:
    sign, style = _SIGNS.get(one["severity"], ("?", ""))
    seen = f"  seen {one['observed_at']}" if one["observed_at"] else ""
    name = Text(f"  {sign} ", style=style).append_text(text.plain(one["check"], style))
    out.print(name.append(seen, style="dim"))
    out.print(Text("    ").append_text(text.plain(one["finding"])))
    out.print(Text("    fix ", style="green").append_text(text.plain(one["fix"])))
