"""`s3rt summary`, `watermark` and `watch`: how every route stands."""

import time
from typing import Annotated

import httpx
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli import overview, show
from cli.api import Api, ApiProblem
from cli.exits import Code, Stop, passing, verdict
from cli.lists import rows_of
from cli.options import BucketArgument, Json, Place, asking, duration
from cli.overview import Route, State
from replication.status import Status

_STATES = {
    State.FAILING: ("✗", "bold red"),
    State.BEHIND: ("!", "yellow"),
    State.UNKNOWN: ("?", "dim"),
    State.REPLICATING: ("…", "cyan"),
    State.CLEAR: ("✓", "green"),
}
_SHOWN_FAILURES = 5


def summary(context: typer.Context, bucket: BucketArgument = None, json: Json = False) -> None:
    """Every route: its state, how many objects in which status, its backlog and its latency."""
    with asking(context) as api:
        routes = overview.routes(api, bucket)
    if json:
        show.as_json({"items": [one.as_json() for one in routes]})
        return
    out = show.console()
    out.print(_table(routes))
    for line in _reasons(routes):
        out.print(line)


def watermark(context: typer.Context, bucket: BucketArgument = None, json: Json = False) -> None:
    """Up to when everything has arrived, for every route: the answer to the recovery point."""
    with asking(context) as api:
        routes = overview.routes(api, bucket)
    if json:
        names = ("source", "destination", "watermark", "lag_seconds", "held_back_by")
        items = [one.as_json() for one in routes]
        more = ("failing", "heard_until", "complete", "reason", "reason_detail")
        show.as_json({"items": [{name: one[name] for name in names + more} for one in items]})
        return
    out = show.console()
    table = show.table(
        *("SOURCE", "DESTINATION", "ALL BEFORE", "BEHIND", "HEARD UNTIL", "HELD BACK BY")
    )
    for one in routes:
        table.add_row(
            show.plain(one.source),
            show.plain(one.destination),
            show.plain(one.watermark),
            show.span(one.lag_seconds),
            show.plain(one.heard_until),
            show.plain(one.held_back_by),
        )
    out.print(table)
    for line in _reasons(routes):
        out.print(line)


def watch(
    context: typer.Context,
    bucket: BucketArgument = None,
    interval: Annotated[
        float, typer.Option(parser=duration, metavar="DURATION", help="Between two looks")
    ] = "5s",  # type: ignore[assignment]
    count: Annotated[int | None, typer.Option(min=1, help="End after so many looks")] = None,
    json: Json = False,
) -> None:
    """The routes and the latest failures, again and again; Ctrl-C ends it. With --json a line for
    each look."""
    if interval < 1:
        raise Stop("an interval shorter than a second helps nobody", Code.USAGE)
    out = show.console()
    looks = 0
    with asking(context) as api, Live(console=out, auto_refresh=False) as live:
        try:
            while count is None or looks < count:
                if looks:
                    time.sleep(interval)
                looks += 1
                try:
                    routes = overview.routes(api, bucket)
                except (ApiProblem, httpx.TransportError) as error:
                    if looks == 1 or not passing(error):
                        raise
                    show.errors().print(f"{verdict(error)[0]}; trying again", style="red")
                    continue
                if json:
                    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                    show.json_line({"at": at, "items": [one.as_json() for one in routes]})
                else:
                    live.update(_look(api, routes), refresh=True)
        except KeyboardInterrupt:
            return


def _look(api: Api, routes: list[Route]) -> RenderableType:
    rows = []
    for source in sorted({one.source for one in routes if one.failing}):
        page = api.get(rows_of(Place(source, "")), status=Status.FAILED, limit=_SHOWN_FAILURES)
        rows += page["items"]
    rows.sort(key=lambda row: str(row["since"]), reverse=True)
    failures = show.table("SINCE", "AGE", "REASON", "KEY", "DESTINATION")
    for row in rows[:_SHOWN_FAILURES]:
        failures.add_row(
            show.plain(row["since"]),
            show.span(row["age_seconds"]),
            show.plain(row["failure"]["code"], "red"),
            show.plain(row["key"]),
            show.plain(row["destination"]),
        )
    foot = Text(f"looked at {time.strftime('%H:%M:%S')}; Ctrl-C ends it", style="dim")
    latest: list[RenderableType] = (
        [Text("\nLatest failures", style="bold"), failures] if rows else []
    )
    return Group(_table(routes), *_reasons(routes), *latest, foot)


def _table(routes: list[Route]) -> Table:
    numbers = (
        *("COMPLETED", "PENDING", "FAILED", "IN DOUBT"),
        *("OLDEST PENDING", "P50", "P99", "BEHIND"),
    )
    table = show.table("STATE", "SOURCE", "DESTINATION", *numbers, right=numbers)
    for one in routes:
        sign, style = _STATES[one.state]
        pending = Text("none") if one.failing is not None and not one.oldest_pending else None
        table.add_row(
            Text(f"{sign} {one.state}", style=style),
            show.plain(one.source),
            show.plain(one.destination),
            *(show.number(one.counts[name]) for name in ("COMPLETED", "PENDING")),
            show.number(one.counts["FAILED"])
            if one.summarized or not one.failing
            else Text("some", style="red"),
            show.number(one.in_doubt),
            pending or show.span(one.oldest_pending_seconds),
            show.span(one.latency_hour["p50"]),
            show.span(one.latency_hour["p99"]),
            show.span(one.lag_seconds),
        )
    return table


def _reasons(routes: list[Route]) -> list[Text]:
    """What is not known, once for each reason."""
    told: dict[str, list[str]] = {}
    for one in routes:
        if not one.complete:
            told.setdefault(one.reason_detail or "Something may be missing.", []).append(one.source)
    return [
        show.plain(f"{', '.join(dict.fromkeys(names))}: {why}", "yellow")
        for why, names in told.items()
    ]
