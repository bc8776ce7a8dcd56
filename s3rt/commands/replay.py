"""`s3rt replay`: raw event bodies into the ingest queue again."""

import gzip
import io
import json as json_
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Annotated, cast

import typer
from rich.console import Console

from s3rt import sqs, text
from s3rt.exit_codes import ExitCode, Stop
from s3rt.options import Json, place
from s3rt.outputs import Outputs
from s3rt.progress_bars import counting

_GZIP = b"\x1f\x8b"
_TROUBLES = 20


@dataclass(slots=True)
class Replayed:
    """How a replay went, in lines. `rejected`: no JSON objects, so never sent."""

    dry_run: bool
    lines: int = 0
    sent: int = 0
    rejected: int = 0
    troubles: list[str] = field(default_factory=list)


def replay(
    context: typer.Context,
    origin: Annotated[
        str,
        typer.Argument(
            metavar="s3://BUCKET/PREFIX|FILE|-",
            help="JSON lines, each the body of an event; packed with gzip or not",
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read and count")] = False,
    json: Json = False,
) -> None:
    """Sends raw event bodies to the ingest queue again. Facts are idempotent: what is known
    already changes nothing.

    Exit code 2 when a line is no JSON object.
    """
    outputs: Outputs = context.obj()
    done = Replayed(dry_run)
    with counting("lines", quiet=json) as advance:
        lines = _bodies(_lines(origin, outputs), done)
        for batch in sqs.batches(lines):
            if not dry_run:
                _send(outputs, batch, done)
            advance(len(batch))
    if json:
        text.as_json(asdict(done))
    else:
        _sum_up(text.console(), done)
    if done.rejected:
        raise typer.Exit(ExitCode.USAGE)


def _lines(origin: str, outputs: Outputs) -> Iterator[tuple[str, bytes]]:
    """Each line that is not blank, and where it stands."""
    if origin == "-":
        yield from _numbered("-", sys.stdin.buffer)
    elif origin.startswith("s3://"):
        where = place(origin)
        s3 = outputs.client("s3")
        listing = s3.get_paginator("list_objects_v2").paginate(
            Bucket=where.bucket, Prefix=where.key
        )
        keys = [one["Key"] for page in listing for one in page.get("Contents", ())]
        if not keys:
            raise Stop(f"there is no object under {where}", ExitCode.USAGE)
        for key in keys:
            body = s3.get_object(Bucket=where.bucket, Key=key)["Body"]
            yield from _numbered(f"s3://{where.bucket}/{key}", _unpacked(io.BufferedReader(body)))
    else:
        with Path(origin).open("rb") as file:
            yield from _numbered(origin, _unpacked(file))


def _numbered(name: str, lines: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{name}:{number}", line.strip()


def _unpacked(stream: io.BufferedReader) -> IO[bytes]:
    """The stream, unpacked if its first two bytes say that it is gzip."""
    packed = stream.peek(2)[:2] == _GZIP
    return cast("IO[bytes]", gzip.open(stream) if packed else stream)


def _bodies(lines: Iterable[tuple[str, bytes]], done: Replayed) -> Iterator[str]:
    for where, line in lines:
        done.lines += 1
        try:
            body = line.decode()
            is_object = isinstance(json_.loads(body), dict)
        except ValueError:
            is_object = False
        if is_object:
            yield body
            continue
        done.rejected += 1
        if len(done.troubles) < _TROUBLES:
            done.troubles.append(f"{where} is no JSON object in UTF-8")


def _send(outputs: Outputs, batch: list[str], done: Replayed) -> None:
    results = sqs.send(outputs.client("sqs"), outputs["IngestQueueUrl"], batch)
    done.sent += sum(one.message_id is not None for one in results)
    refusal = next((one.refusal for one in results if one.refusal), None)
    if refusal:
        raise Stop(
            f"SQS refused an event ({refusal}) after {done.sent:,} were sent; replaying all of it"
            " again is safe",
            ExitCode.UNREACHABLE,
        )


def _sum_up(out: Console, done: Replayed) -> None:
    count = done.lines - done.rejected if done.dry_run else done.sent
    verb = "would be sent" if done.dry_run else "sent"
    out.print(f"{count:,} of {done.lines:,} events {verb} to the ingest queue.")
    for trouble in done.troubles:
        out.print(text.plain(trouble, "yellow"))
    if done.rejected > len(done.troubles):
        out.print(f"and {done.rejected - len(done.troubles):,} more", style="yellow")
