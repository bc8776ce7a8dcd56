"""`s3rt ls`, `failures` and `buckets`: many objects, one line each."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from replication.s3.status import Status
from s3rt import text
from s3rt.api import Api
from s3rt.commands.objects import failed
from s3rt.exit_codes import ExitCode
from s3rt.options import (
    BucketArgument,
    DestinationOption,
    FlagOption,
    Json,
    Place,
    PrefixArgument,
    ReasonOption,
    RuleOption,
    Since,
    StatusOption,
    Until,
    api_of,
    place,
)

PAGE = 1_000
"""The most rows the API gives at once."""

Limit = Annotated[int, typer.Option(min=1, help="At most so many rows")]
Order = Annotated[
    Literal["oldest", "newest"] | None,
    typer.Option(help="Which comes first; the oldest for PENDING, otherwise the newest"),
]


@dataclass(slots=True)
class CollectedRows:
    """Rows of one or more lists. `truncated`: there are more than were asked for."""

    items: list[Any] = field(default_factory=list)
    complete: bool = True
    truncated: bool = False
    heard_until: str | None = None

    def take(self, pages: Iterable[Any], limit: int) -> None:
        for page in pages:
            self.complete &= page["complete"]
            self.heard_until = page.get("heard_until")
            room = limit - len(self.items)
            self.items += page["items"][:room]
            if len(self.items) == limit:
                more = len(page["items"]) > room or page["next_cursor"] is not None
                self.truncated |= more
                return

    def as_json(self) -> dict[str, Any]:
        return {
            "items": self.items,
            "complete": self.complete,
            "heard_until": self.heard_until,
            "truncated": self.truncated,
        }


def ls(
    context: typer.Context,
    prefix: PrefixArgument,
    status: StatusOption = None,
    destination: DestinationOption = None,
    rule: RuleOption = None,
    reason: ReasonOption = None,
    since: Since = None,
    until: Until = None,
    flag: FlagOption = None,
    order: Order = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Object versions under a prefix, one line for each destination."""
    found = CollectedRows()
    with api_of(context) as api:
        pages = api.pages(
            list_path(prefix),
            **filters(prefix, status, destination, rule, reason, since, until),
            flag=flag,
            order=order,
            limit=min(limit, PAGE),
        )
        found.take(pages, limit)
    if json:
        text.as_json(found.as_json())
        return
    out = text.console()
    if found.items:
        out.print(_table(found.items))
    else:
        out.print("Nothing matches.")
    _foot(out, found, limit)


def failures(
    context: typer.Context,
    bucket: BucketArgument = None,
    destination: DestinationOption = None,
    rule: RuleOption = None,
    reason: ReasonOption = None,
    since: Since = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """What failed, newest first, with the reason and what to do about it.

    Exit code 1 when there is any.
    """
    found = CollectedRows()
    with api_of(context) as api:
        wanted = [place(bucket)] if bucket else [Place(name, "") for name in sources(api)]
        for one in wanted:
            if len(found.items) == limit:
                found.truncated = True  # the buckets that are left were not asked
                break
            pages = api.pages(
                list_path(one),
                **filters(one, Status.FAILED, destination, rule, reason, since, None),
                limit=min(limit - len(found.items), PAGE),
            )
            found.take(pages, limit)
    if json:
        text.as_json(found.as_json())
    else:
        _explain(text.console(), found, limit)
    raise typer.Exit(ExitCode.FAILED if found.items else ExitCode.OK)


def buckets(context: typer.Context, json: Json = False) -> None:
    """The tracked buckets, their rules and since when they are followed."""
    found = CollectedRows()
    with api_of(context) as api:
        for page in api.pages("/v1/buckets"):
            found.items += page["items"]
            found.complete &= page["complete"]
    if json:
        text.as_json({"items": found.items, "complete": found.complete})
        return
    out = text.console()
    for one in found.items:
        _bucket(out, one)
    if not found.complete:
        text.incomplete(out, "a bucket's replication configuration was never read")


def list_path(where: Place) -> str:
    return f"/v1/buckets/{where.bucket}/objects"


def filters(
    where: Place,
    status: Status | None,
    destination: str | None,
    rule: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
) -> dict[str, str | None]:
    """The API's own names for the filters."""
    return {
        "prefix": where.key or None,
        "status": status,
        "destination": destination,
        "rule_id": rule,
        "reason": reason,
        "since": since,
        "until": until,
    }


def sources(api: Api) -> list[str]:
    """The tracked source buckets, by name."""
    return [
        one["bucket"]
        for page in api.pages("/v1/buckets")
        for one in page["items"]
        if one["role"] != "destination"
    ]


def _table(rows: list[Any]) -> Any:
    table = text.table(
        "STATUS", "SINCE", "AGE", "SIZE", "KEY", "DESTINATION", "RULE", right=("AGE", "SIZE")
    )
    for row in rows:
        key = text.plain(row["key"])
        if failure := row["failure"]:
            key.append_text(text.plain(f"  {failure['code'] or 'no reason given'}", "red"))
        table.add_row(
            text.status(row["status"], row["in_doubt"]),
            text.plain(row["since"]),
            text.span(row["age_seconds"]),
            text.size(row["size"]),
            key,
            text.plain(row["destination"]),
            text.plain(row["rule_id"]),
        )
    return table


def _explain(out: Console, found: CollectedRows, limit: int) -> None:
    if not found.items:
        out.print("No failure is known.")

    def code(row: Any) -> str:
        return str(row["failure"]["code"] or "")

    # A stable sort: within a reason the order stays the API's.
    for _, rows in groupby(sorted(found.items, key=code), key=code):
        group = list(rows)
        failed(out, group[0]["failure"])
        for row in group:
            out.print(
                Text.assemble(
                    "  ",
                    text.plain(row["since"], "dim"),
                    "  ",
                    text.plain(f"s3://{row['bucket']}/{row['key']}"),
                    " → ",
                    text.plain(row["destination"]),
                )
            )
        out.print()
    _foot(out, found, limit)


def _bucket(out: Console, one: Any) -> None:
    role = {"source_and_destination": "source and destination"}.get(one["role"], one["role"])
    line = Text.assemble(text.plain(one["bucket"], "bold"), f"  {role}")
    if place := " ".join(filter(None, (one["region"], one["account"]))):
        line.append(f", {place}", style="dim")
    if one["tracking_since"]:
        line.append(f", followed since {one['tracking_since']}", style="dim")
    out.print(line)
    if one["role"] != "destination" and one["rules"] is None:
        out.print(Text("  its replication rules were never read", style="yellow"))
    for rule in one["rules"] or ():
        parts = [f"prefix {rule['prefix']}" if rule["prefix"] else "every key"]
        parts += [f"tag {name}={value}" for name, value in rule["tags"].items()]
        if rule["replication_time_control"]:
            parts.append(f"within {rule['replication_time_control']} min")
        line = text.plain(f"  {rule['id']} → {rule['destination']}  {', '.join(parts)}")
        if rule["status"] != "Enabled":
            line.append("  disabled", style="yellow")
        elif not rule["metrics"]:
            line.append("  no metrics: S3 reports no failure of this rule", style="yellow")
        out.print(line)
    if one["sources"]:
        out.print(text.plain(f"  replicas from {', '.join(one['sources'])}"))


def _foot(out: Console, found: CollectedRows, limit: int) -> None:
    if found.truncated:
        out.print(Text(f"There are more than {limit:,}; `--limit` shows more, `export` all."))
    if not found.complete:
        text.incomplete(out, heard_until=found.heard_until)
