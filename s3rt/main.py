"""`s3rt`, the operator's command."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer

from s3rt.commands import (
    aws_check,
    backfill,
    dead_letters,
    discover,
    doctor,
    export,
    exporter,
    incidents,
    lists,
    objects,
    open_,
    redrive,
    replay,
    replay_archive,
    summaries,
    wait,
)
from s3rt.exit_codes import CommandGroup
from s3rt.outputs import VARIABLE, find

app = typer.Typer(
    name="s3rt",
    cls=CommandGroup,
    help="Asks and steers the S3 replication tracker.",
    epilog="Exit codes: 0 done, COMPLETED or arrived, 1 FAILED found, 2 not understood,"
    " 3 still pending, 4 not tracked, 5 API or AWS not reached or access denied, 6 S3 says"
    " otherwise (--verify, aws-check, discover --check).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "status": objects.status,
    "history": objects.history,
    "versions": objects.versions,
    "wait": wait.command,
    "ls": lists.ls,
    "failures": lists.failures,
    "buckets": lists.buckets,
    "summary": summaries.summary,
    "watermark": summaries.watermark,
    "watch": summaries.watch,
    "incidents": incidents.command,
    "doctor": doctor.command,
    "discover": discover.command,
    "aws-check": aws_check.command,
    "export": export.export,
    "exporter": exporter.command,
    "replay": replay.replay,
    "replay-archive": replay_archive.command,
    "backfill": backfill.command,
    "open": open_.command,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(redrive.app, name="redrive")


@app.callback()
def stack(
    context: typer.Context,
    outputs: Annotated[
        Path | None,
        typer.Option(help=f"JSON of the stack's outputs [{VARIABLE}]", show_default=False),
    ] = None,
    stage: Annotated[str, typer.Option(help="The stage that was deployed")] = "dev",
) -> None:
    """Which stack to talk to: found when a command first asks (`context.obj()`)."""
    context.obj = cache(partial(find, outputs, stage))


def main() -> None:
    """What a person can put right is said in one line (`exit_codes.CommandGroup`)."""
    app()


if __name__ == "__main__":
    main()
