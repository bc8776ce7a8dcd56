"""`python -m local.parity [--seed N] [--versions 2000] [--port N] [--state DIR]`.

Exit status 0 when the tracker and S3 say the same of everything, 1 when they differ somewhere or
the run did not come to its end. The seed is printed; the same seed does the same to the buckets.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local import stack
from local.deploy import DeployError
from local.emulator import server
from local.emulator.server import ServerError
from local.parity.run import Result, run, up
from local.parity.settling import NotSettled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from local.parity.workload import Written

_STATE = Path(".local/parity")
_SHOWN = 50
_LONGEST = 60
_VERSIONS_BETWEEN_RULES = 250
"""About so many are written before the rules change again."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    console.print(f"seed {seed}, {options.versions} versions")
    port = options.port or server.free_port()
    try:
        with _progress(console) as progress:
            task = progress.add_task("starting the local stack", total=None)

            def told(what: str, done: int, of: int) -> None:
                progress.update(task, description=what, completed=done, total=of or None)

            outputs = up(port, options.state, tied=not options.keep)
            changes = max(1, options.versions // _VERSIONS_BETWEEN_RULES)
            result = run(outputs, seed, options.versions, told, rule_changes=changes)
    except (ServerError, DeployError, NotSettled) as error:
        console.print(f"[red]✗[/] {error}", soft_wrap=True)
        return 1
    finally:
        if not options.keep:
            stack.down(options.state)
    _report(console, result)
    return 1 if result.verdict.differences else 0


def _report(console: Console, result: Result) -> None:
    verdict = result.verdict
    console.print("done: " + _counted(result.done.items()))
    console.print("S3 says: " + _counted(verdict.headers.items()))
    console.print(
        f"events lost: {result.lost_events:,}; rounds of reconciliation: {result.rounds};"
        f" dead letters: {result.dead_letters}"
    )
    console.print("inventories: " + _counted(result.listed.items()))
    console.print("with a customer's key: " + _counted(verdict.encrypted.items()))
    _list(
        console,
        "beyond what events, S3's headers and inventories can tell",
        [f"{_named(one)}: {why}" for one, why in verdict.unheard.items()],
    )
    _list(
        console,
        "different",
        [
            f"{_named(each.one)}: {each.what}: S3 {each.s3}, tracker {each.tracker};"
            f" its answer: {json.dumps(each.answer)}"
            for each in verdict.differences
        ],
    )
    for why, count in sorted(Counter(verdict.unheard.values()).items()):
        console.print(f"{count:,} versions: {why}", soft_wrap=True)
    mark = "[red]✗[/]" if verdict.differences else "[green]✓[/]"
    console.print(
        f"{mark} {verdict.compared:,} comparisons, {len(verdict.differences)} differences,"
        f" {len(verdict.unheard)} versions nobody can tell of; seed {result.seed}"
    )


def _list(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(f"{title}:")
    for line in lines[:_SHOWN]:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if len(lines) > _SHOWN:
        console.print(f"  and {len(lines) - _SHOWN} more")


def _named(one: Written) -> str:
    key = one.key if len(one.key) < _LONGEST else f"{one.key[:_LONGEST]}..."
    return f"{one.bucket}/{key} {one.version_id}"


def _counted(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts))


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.parity", description=__doc__)
    parser.add_argument("--seed", type=int, help="default: another one each time")
    parser.add_argument("--versions", type=int, default=2_000, help="default: %(default)s")
    parser.add_argument("--port", type=int, help="default: a free one")
    parser.add_argument("--state", type=Path, default=_STATE, help="default: %(default)s")
    parser.add_argument("--keep", action="store_true", help="leave the stack running afterwards")
    return parser


if __name__ == "__main__":
    sys.exit(main())
