"""`s3rt aws-check`: what AWS does not document, observed in the account of the caller."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Annotated, Any

import typer
from rich.text import Text

from s3rt import text
from s3rt.aws_check.account import Account, only_reads
from s3rt.aws_check.lab import Lab
from s3rt.aws_check.made import Left
from s3rt.aws_check.observation import Observation, Result, Verdict
from s3rt.aws_check.observations import OBSERVATIONS, observed
from s3rt.exit_codes import ExitCode, Stop
from s3rt.options import Json, duration
from s3rt.outputs import NoStack, Outputs

_SIGNS = {
    Verdict.HOLDS: ("✓", "green"),
    Verdict.DIFFERS: ("✗", "bold red"),
    Verdict.NOT_CHECKED: ("–", "dim"),  # noqa: RUF001
}
_COST = "a few hundred requests and messages, less than 0.05 USD at list prices"

Results = list[tuple[Observation, Result]]


def command(
    context: typer.Context,
    yes: Annotated[
        bool, typer.Option("--yes", help="Make what the checks need, and remove it afterwards")
    ] = False,
    only: Annotated[
        list[int] | None, typer.Option("--only", metavar="N", help="This one; may be repeated")
    ] = None,
    time: Annotated[
        float,
        typer.Option(parser=duration, metavar="TIME", help="The longest it may take: 15m, 1h"),
    ] = "45m",  # type: ignore[assignment]
    json: Json = False,
) -> None:
    """Observes whether AWS does what the tracker relies on: docs/aws-first-hour.md.

    Without --yes nothing is made: the plan is printed, and what can be read is checked. Exit code 6
    when a fact differs, 1 when something that was made could not be removed.
    """
    wanted = _wanted(only)
    account = _account(context, monotonic() + time)
    if not yes:
        only_reads(account.session)
    who = f"account {account.id}, {account.region}"
    lab = Lab(account, progress=_progress(quiet=json))
    if not json:
        text.errors().print(Text(f"Checking {who}.", style="bold"))
        _print_plan(wanted, lab.name, yes=yes)
    results: Results = []
    left: list[Left] = []
    with _interruptible():
        try:
            for one, result in observed(wanted, lab, may_make=yes):
                results.append((one, result))
                if not json:
                    _print_result(one, result)
        finally:
            left = lab.made.remove_all(lab.progress)
            _print_left(left)
    if json:
        text.as_json(_as_json(results, left))
    else:
        counts = Counter(result.verdict for _, result in results)
        text.errors().print(Text(", ".join(f"{counts[one]} {one}" for one in Verdict) + "."))
    raise typer.Exit(_exit_code(results, left))


def _wanted(only: Sequence[int] | None) -> list[Observation]:
    numbers = {one.number for one in OBSERVATIONS}
    if unknown := sorted(set(only or ()) - numbers):
        raise Stop(
            f"there is no observation {', '.join(map(str, unknown))}; they are 1 to {max(numbers)}",
            ExitCode.USAGE,
        )
    return [one for one in OBSERVATIONS if not only or one.number in only]


def _account(context: typer.Context, ends_at: float) -> Account:
    """The account of the stack, or of the caller when there is no stack."""
    lacks, stack = "", None
    try:
        outputs: Outputs = context.obj()
        stack = outputs.values
    except NoStack as error:
        outputs, lacks = Outputs({}, None, None), str(error)
    return Account(
        session=outputs.session(),
        endpoint_url=outputs.endpoint_url,
        stack=stack,
        lacks=lacks,
        ends_at=ends_at,
    )


def _progress(*, quiet: bool) -> Callable[[str], None]:
    """Says on standard error what is being done, so that standard output has the results alone."""
    out = text.errors()

    def show(what: str) -> None:
        if not quiet:
            out.print(text.plain(f"  {what}", "dim"))

    return show


def _print_plan(wanted: Sequence[Observation], name: str, *, yes: bool) -> None:
    out = text.errors()
    reading = [one for one in wanted if not one.makes]
    making = [one for one in wanted if one.makes]
    for one in reading:
        out.print(Text(f"  {one.number}. {one.name}: {one.steps}"))
    if making:
        begin = (
            "This makes, and removes again" if yes else "Only with --yes, because it has to make"
        )
        out.print(Text(f"{begin} what it names {name}...:"))
    for one in making:
        out.print(Text(f"  {one.number}. {one.name}: {one.steps} (needs {one.makes})"))
    if making:
        out.print(Text(f"It takes some ten minutes and costs next to nothing: {_COST}."))


def _print_result(one: Observation, result: Result) -> None:
    out = text.console()
    sign, style = _SIGNS[result.verdict]
    out.print(Text(f"{sign} {one.number}. {one.name}: {result.verdict}", style=style))
    if result.verdict is Verdict.DIFFERS:
        out.print(Text("    expected ").append_text(text.plain(one.fact)))
    out.print(Text("    ").append_text(text.plain(result.seen)))


def _print_left(left: Sequence[Left]) -> None:
    out = text.errors()
    for one in left:
        out.print(text.plain(f"{one.thing.what} could not be removed: {one.why}", "bold red"))
        out.print(text.plain(f"  remove it by hand: {one.thing.by_hand}"))


def _as_json(results: Results, left: Sequence[Left]) -> dict[str, Any]:
    return {
        "observations": [
            {
                "number": one.number,
                "name": one.name,
                "fact": one.fact,
                "verdict": result.verdict.replace(" ", "_"),
                "seen": result.seen,
            }
            for one, result in results
        ],
        "not_removed": [
            {"what": one.thing.what, "why": one.why, "by_hand": one.thing.by_hand} for one in left
        ],
    }


def _exit_code(results: Results, left: Sequence[Left]) -> ExitCode:
    if left:
        return ExitCode.FAILED
    if any(result.verdict is Verdict.DIFFERS for _, result in results):
        return ExitCode.DIFFERS
    return ExitCode.OK


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM is an interruption like Ctrl-C, so that what was made is removed."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
