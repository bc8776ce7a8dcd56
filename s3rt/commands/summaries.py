"""`s3rt summary`, `watermark` and `watch`: how every route stands."""

import time
from typing import Annotated

import httpx
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from replication.s3.status import Status
from s3rt import route_summaries, text
from s3rt.api import Api, ApiProblem
from s3rt.commands.lists import list_path
from s3rt.exit_codes import ExitCode, Stop, is_transient, message_and_code
from s3rt.options import BucketArgument, Json, Place, api_of, duration
from s3rt.route_summaries import RouteState, RouteSummary

_STATES = {
    RouteState.FAILING: ("✗", "bold red"),
    RouteState.BEHIND: ("!", "yellow"),
    RouteState.UNKNOWN: ("?", "dim"),
    RouteState.REPLICATING: ("…", "cyan"),
    RouteState.CLEAR: ("✓", "green"),
}
_SHOWN_FAILURES = 5


def summary(context: typer.Context, bucket: BucketArgument = None, json: Json = False) -> None:
    """Every route: its state, how many objects in which status, its backlog and its latency."""
    with api_of(context) as api:
        routes = route_summaries.read(api, bucket)
    if json:
        text.as_json({"items": [one.as_json() for one in routes]})
        return
    out = text.console()
    out.print(_table(routes))
    for line in _reasons(routes):
        out.print(line)


def watermark(context: typer.Context, bucket: BucketArgument = None, json: Json = False) -> None:
    """Up to when everything has arrived, for every route: the answer to the recovery point."""
    with api_of(context) as api:
        routes = route_summaries.read(api, bucket)
    if json:
        names = ("source", "destination", "watermark", "lag_seconds", "held_back_by")
        items = [one.as_json() for one in routes]
        more = ("failing", "heard_until", "complete", "reason", "reason_detail")
        text.as_json({"items": [{name: one[name] for name in names + more} for one in items]})
        return
    out = text.console()
    table = text.table(
        *("SOURCE", "DESTINATION", "ALL BEFORE", "BEHIND", "HEARD UNTIL", "HELD BACK BY")
    )
    for one in routes:
        table.add_row(
            text.plain(one.source),
            _destination(one),
            text.plain(one.watermark),
            text.span(one.lag_seconds),
            text.plain(one.heard_until),
            text.plain(one.held_back_by),
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
        raise Stop("an interval shorter than a second helps nobody", ExitCode.USAGE)
    out = text.console()
    looks = 0
    with api_of(context) as api, Live(console=out, auto_refresh=False) as live:
        try:
            while count is None or looks < count:
                if looks:
                    time.sleep(interval)
                looks += 1
                try:
                    routes = route_summaries.read(api, bucket)
                except (ApiProblem, httpx.TransportError) as error:
                    if looks == 1 or not is_transient(error):
                        raise
                    text.errors().print(f"{message_and_code(error)[0]}; trying again", style="red")
                    continue
                if json:
                    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                    text.json_line({"at": at, "items": [one.as_json() for one in routes]})
                else:
                    live.update(_look(api, routes), refresh=True)
        except KeyboardInterrupt:
            return


def _look(api: Api, routes: list[RouteSummary]) -> RenderableType:
    rows = []
    for source in sorted({one.source for one in routes if one.failing}):
        page = api.get(list_path(Place(source, "")), status=Status.FAILED, limit=_SHOWN_FAILURES)
        rows += page["items"]
    rows.sort(key=lambda row: str(row["since"]), reverse=True)
    failures = text.table("SINCE", "AGE", "REASON", "KEY", "DESTINATION")
    for row in rows[:_SHOWN_FAILURES]:
        failures.add_row(
            text.plain(row["since"]),
            text.span(row["age_seconds"]),
            text.plain(row["failure"]["code"], "red"),
            text.plain(row["key"]),
            text.plain(row["destination"]),
        )
    foot = Text(f"looked at {time.strftime('%H:%M:%S')}; Ctrl-C ends it", style="dim")
    latest: list[RenderableType] = (
        [Text("\nLatest failures", style="bold"), failures] if rows else []
    )
    return Group(_table(routes), *_reasons(routes), *latest, foot)


def _table(routes: list[RouteSummary]) -> Table:
    numbers = (
        *("COMPLETED", "PENDING", "FAILED", "IN DOUBT"),
        *("OLDEST PENDING", "P50", "P99", "BEHIND"),
    )
    table = text.table("STATE", "SOURCE", "DESTINATION", *numbers, right=numbers)
    for one in routes:
        sign, style = _STATES[one.state]
        pending = Text("none") if one.failing is not None and not one.oldest_pending else None
        table.add_row(
            Text(f"{sign} {one.state}", style=style),
            text.plain(one.source),
            _destination(one),
            *(text.number(one.counts[name]) for name in ("COMPLETED", "PENDING", "FAILED")),
            text.number(one.in_doubt),
            pending or text.span(one.oldest_pending_seconds),
            text.span(one.latency_hour["p50"]),
            text.span(one.latency_hour["p99"]),
            text.span(one.lag_seconds),
        )
    return table


def _destination(one: RouteSummary) -> Text:
    """With its Region and account, where they are others than the source's."""
    name = text.plain(one.destination)
    return name.append_text(text.plain(f"  {one.elsewhere}", "dim")) if one.elsewhere else name


def _reasons(routes: list[RouteSummary]) -> list[Text]:
    """What is not known, once for each reason."""
    told: dict[str, list[str]] = {}
    for one in routes:
        if not one.complete:
            told.setdefault(one.reason_detail or "Something may be missing.", []).append(one.source)
    return [
        text.plain(f"{', '.join(dict.fromkeys(names))}: {why}", "yellow")
        for why, names in told.items()
    ]
