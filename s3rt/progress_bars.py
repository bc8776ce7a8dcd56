"""How far a long command is: on standard error, and on a terminal alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[int], None]


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[Advance]:
    """A running count, where nobody knows how many there will be."""
    out = Console(stderr=True)
    columns = TextColumn("{task.completed:,.0f} {task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=out, disable=quiet or not out.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda count: progress.advance(task, count)


@contextmanager
def bar(what: str, total: int, *, quiet: bool) -> Iterator[Advance]:
    """A bar to `total`, or beyond where that was an estimate."""
    out = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=out, disable=quiet or not out.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)
