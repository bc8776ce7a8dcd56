"""Answers for people on a terminal, and for programs as JSON.

Keys are written by strangers: nothing of them reaches the terminal as a command, and none is read
as markup.
"""

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNKNOWN = "–"  # noqa: RUF001  a dash, not a minus: nothing is known
_PIPED_WIDTH = 10_000
_STYLES = {
    "COMPLETED": ("✓", "green"),
    "PENDING": ("…", "yellow"),
    "FAILED": ("✗", "bold red"),
    "REPLICA": ("⇐", "cyan"),
}


def console() -> Console:
    """Standard output; colours and a width only on a terminal, so that nothing piped is cut."""
    found = Console(highlight=False)
    if not found.is_terminal:
        found.width = _PIPED_WIDTH
    return found


def errors() -> Console:
    """Standard error, a line for each trouble however long it is."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def as_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def json_line(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def plain(value: object, style: str = "") -> Text:
    """Text as it is, with what could steer a terminal or hide in it escaped."""
    if value is None:
        return Text(UNKNOWN, style="dim")
    shown = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value)
    )
    return Text(shown, style=style)


def status(value: str | None, in_doubt: bool = False) -> Text:
    """A status with a sign of its own, for those who see no colours, and the doubt about it."""
    if value is None:
        return Text("? in doubt", style="yellow") if in_doubt else Text("? unknown", style="dim")
    sign, style = _STYLES.get(value, ("?", ""))
    found = Text(f"{sign} {value}", style=style)
    return found.append(" in doubt", style="yellow") if in_doubt else found


def size(bytes_: int | None) -> Text:
    """Bytes in powers of 1,024, right to two digits or the whole unit."""
    if bytes_ is None:
        return plain(None)
    amount, unit = float(bytes_), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if amount < 1_024:
            break
        amount, unit = amount / 1_024, larger
    return Text(f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}")


def span(seconds: float | None) -> Text:
    """A length of time in its two largest units."""
    if seconds is None:
        return plain(None)
    if seconds < 1:
        return Text(f"{seconds * 1_000:.0f} ms")
    if seconds < 60:
        return Text(f"{seconds:.1f}".removesuffix(".0") + " s")
    whole = int(seconds)
    for unit, smaller, length, part in (
        ("d", "h", 86_400, 3_600),
        ("h", "min", 3_600, 60),
        ("min", "s", 60, 1),
    ):
        if whole >= length:
            rest = whole % length // part
            return Text(f"{whole // length} {unit}" + (f" {rest} {smaller}" if rest else ""))
    raise AssertionError(seconds)


def number(value: int | None) -> Text:
    return plain(None) if value is None else Text(f"{value:,}")


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines; what is too long folds, so that nothing is lost."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        made.add_column(
            name,
            overflow="fold",
            justify="right" if name in right else "left",
            no_wrap=name in right,
        )
    return made


def incomplete(out: Console, why: str = "", *, heard_until: str | None = None) -> None:
    """Says that an answer may lack something. `heard_until`: how far the tracker heard."""
    reason = why or (
        "a bucket's replication configuration was never read, the question goes back to before the"
        " bucket was tracked and listed, or the tracker has not heard of its end yet"
    )
    heard = f"; heard until {heard_until}" if heard_until else ""
    out.print(Text(f"This may be incomplete: {reason}{heard}.", style="yellow"))
