"""`s3rt backfill`: existing objects into the ledger, and how far that is."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from replication.aws.table.backfill_progress import BackfillProgress
from replication.published.backfill import Outcome, Progress, Request, RunState
from replication.s3.deliveries import run_of
from replication.times import Instant
from s3rt import text
from s3rt.options import Json, moment
from s3rt.outputs import Outputs

POLL_SECONDS = 2.0
_SHOWN_TROUBLES = 5
_MEANING = {
    Outcome.COMPLETED: "replicated",
    Outcome.PENDING: "replication pending",
    Outcome.FAILED: "replication failed",
    Outcome.AMBIGUOUS: "the list does not say where; S3 was asked",
    Outcome.NO_RULE: "no known rule could have sent it; the status is recorded by itself",
    Outcome.NO_STATUS: "no replication status",
    Outcome.DELETE_MARKER: "delete markers; S3 was asked who has them",
    Outcome.REPLICA: "replicas; S3 was asked whose, unless it was known",
    Outcome.TASK_SUCCEEDED: "tasks that succeeded; S3 was asked what came of it",
    Outcome.TASK_NOT_TRIED: "tasks that never came to replicate; noted",
    Outcome.BROKEN: "rows that could not be understood",
    Outcome.REFUSED: "items the ledger cannot hold",
    Outcome.NOT_LOOKED_AT: "versions S3 denied a look at",
    Outcome.UNDECIDED: "markers of two buckets since one second; nobody can tell whose",
    Outcome.UNSOURCED: "replicas of which no tracked bucket has the source; recorded without one",
}


def start(manifest_uri: str, outputs: Outputs, rules_since: Instant | None = None) -> str:
    """Asks for the backfill of a manifest and answers the id of its run. Started again, the same
    run goes on. Rejected when the URI is none."""
    run = run_of(manifest_uri)
    outputs.client("sqs").send_message(
        QueueUrl=outputs["BackfillQueueUrl"],
        MessageBody=Request(manifest_uri, rules_since=rules_since).body,
    )
    return run


def progress(run: str, outputs: Outputs) -> Progress | None:
    """How far a run is; None when nobody has begun it. Unavailable when the table does not
    answer."""
    return BackfillProgress(outputs.client("dynamodb"), outputs["TableName"]).load(run)


def watch(run: str, outputs: Outputs, before: Progress | None) -> Iterator[Progress | None]:
    """The progress every other second, the last one when the run has ended. A file that waits for
    something keeps a run going: `Progress.troubles` says for what. `before` is how a run stood
    that is started again; its old failure is not its end."""
    while True:
        found = progress(run, outputs)
        yield found
        if found and found.state is RunState.FINISHED:
            return
        if found and found.state is RunState.FAILED and found != before:
            return
        time.sleep(POLL_SECONDS)


def command(
    context: typer.Context,
    manifest: Annotated[
        str, typer.Argument(help="s3://bucket/.../manifest.json of an inventory or a job's report")
    ],
    rules_since: Annotated[
        Instant | None,
        typer.Option(
            "--rules-since",
            parser=moment,
            metavar="TIME",
            help="Since when the bucket's rules have been what the tracker first read; saves asking"
            " S3 about each version written after that",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Show the progress until it has ended")] = False,
    json: Json = False,
) -> None:
    """Records objects that were there before the tracker: from an S3 Inventory (CSV, all versions,
    with replication status), or from the completion report of a Batch Replication job."""
    outputs: Outputs = context.obj()
    console = Console()
    run = run_of(manifest)
    known = progress(run, outputs)
    if known is None or known.state is not RunState.FINISHED:
        start(manifest, outputs, rules_since)
    if not wait:
        known = progress(run, outputs)
        if json:
            text.json_line(as_json(run, known))
        else:
            console.print(rendered(run, known))
        return
    if json:
        *_, now = watch(run, outputs, known)
        text.json_line(as_json(run, now))
        raise typer.Exit(int(now is not None and now.state is RunState.FAILED))
    with Live(rendered(run, known), console=console) as live:
        now = known
        for now in watch(run, outputs, known):
            live.update(rendered(run, now))
    if now and now.state is RunState.FAILED:
        raise typer.Exit(1)


def as_json(run: str, found: Progress | None) -> dict[str, object]:
    """The progress for a program; null is what is not known yet."""
    return {
        "run": run,
        "state": found.state if found else None,
        "files": found.run.files if found else None,
        "files_finished": found.files_finished if found else None,
        "rows": found.rows if found else None,
        "counts": dict(found.counts) if found else None,
        "troubles": list(found.troubles) if found else [],
    }


def rendered(run: str, found: Progress | None) -> RenderableType:
    """The progress for a person."""
    if found is None:
        return Text(f"Backfill {run}: asked for")
    total, done = found.run.files, found.files_finished
    head = Text(f"Backfill {run}: {found.state}, {found.rows:,} rows")
    if total is None:
        return Group(head, *_troubles(found))
    head.append(f", {done} of {total} files")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    for name, count in sorted(found.counts.items(), key=lambda one: -one[1]):
        meaning = next((text for known, text in _MEANING.items() if known == name), "")
        table.add_row(f"{count:,}", name, Text(meaning, style="dim"))
    bar = Table.grid()  # a bar by itself ends no line
    bar.add_row(ProgressBar(total=max(total, 1), completed=done if total else 1, width=40))
    return Group(head, bar, table, *_troubles(found))


def _troubles(found: Progress) -> list[Text]:
    named = [*found.troubles, *(f"{one.key}: {row}" for one in found.files for row in one.broken)]
    shown = [Text(text, style="yellow") for text in named[:_SHOWN_TROUBLES]]
    if len(named) > _SHOWN_TROUBLES:
        shown.append(Text(f"and {len(named) - _SHOWN_TROUBLES} more", style="yellow"))
    return shown
