"""`s3rt export`: every row of a list, as a file."""

import csv
import json as json_
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import typer

from s3rt import text
from s3rt.commands.lists import PAGE, filters, list_path
from s3rt.options import (
    DestinationOption,
    FlagOption,
    Json,
    PrefixArgument,
    ReasonOption,
    RuleOption,
    Since,
    StatusOption,
    Until,
    api_of,
)
from s3rt.progress_bars import counting

COLUMNS = (
    "bucket",
    "key",
    "version_id",
    "destination",
    "rule_id",
    "status",
    "since",
    "requested_at",
    "age_seconds",
    "size",
    "failure_code",
    "evidence",
    "in_doubt",
)


def export(
    context: typer.Context,
    prefix: PrefixArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; - for standard output")],
    format_: Annotated[Literal["csv", "jsonl"], typer.Option("--format")] = "csv",
    status: StatusOption = None,
    destination: DestinationOption = None,
    rule: RuleOption = None,
    reason: ReasonOption = None,
    since: Since = None,
    until: Until = None,
    flag: FlagOption = None,
    json: Json = False,
) -> None:
    """Every row of a list into a file. The file is there whole or not at all."""
    state: dict[str, Any] = {"rows": 0, "complete": True, "heard_until": None}
    with api_of(context) as api, counting("rows", quiet=json) as advance, _writing(output) as file:
        write = _writer(file, format_)
        wanted = filters(prefix, status, destination, rule, reason, since, until)
        for page in api.pages(list_path(prefix), **wanted, flag=flag, limit=PAGE):
            for row in page["items"]:
                write(row)
            state["rows"] += len(page["items"])
            state["complete"] &= page["complete"]
            state["heard_until"] = page["heard_until"]
            advance(len(page["items"]))
    to_file = str(output) != "-"
    if json and to_file:
        text.as_json({"file": str(output), **state})
    elif to_file:
        out = text.console()
        out.print(f"{state['rows']:,} rows in ", text.plain(output), sep="")
        if not state["complete"]:
            text.incomplete(out, heard_until=state["heard_until"])


@contextmanager
def _writing(output: Path) -> Iterator[IO[str]]:
    """The open file, put in its place when everything is in it."""
    if str(output) == "-":
        yield sys.stdout
        return
    part = output.with_name(f".{output.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _writer(file: IO[str], format_: str) -> Callable[[Any], None]:
    if format_ == "jsonl":
        return lambda row: _discard(file.write(json_.dumps(row, ensure_ascii=False) + "\n"))
    table = csv.writer(file, lineterminator="\n")
    table.writerow(COLUMNS)
    return lambda row: _discard(table.writerow(_cells(row)))


def _discard(_: int) -> None:
    pass


def _cells(row: Any) -> list[Any]:
    flat = row | {"failure_code": (row["failure"] or {}).get("code")}
    return [flat[name] for name in COLUMNS]
