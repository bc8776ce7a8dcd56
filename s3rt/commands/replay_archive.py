"""`s3rt replay-archive`: what the EventBridge archives kept, into the ingest queue again."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from replication import times
from replication.times import Instant
from s3rt import collectors, text
from s3rt.exit_codes import ExitCode, Stop
from s3rt.options import Json, Profiles, moment
from s3rt.outputs import Outputs

POLL_SECONDS = 2.0
SETTLE_SECONDS = 600
"""AWS asks for ten minutes before an event is sure to be in its archive."""
_ENDED = ("COMPLETED", "CANCELLED", "FAILED")


@dataclass(slots=True)
class Replay:
    """One replay of one archive, as EventBridge last told of it. `replayed_until` is the time of
    the event it sent last, null before it sent one."""

    name: str
    archive: str
    since: Instant
    until: Instant
    state: str = "STARTING"
    reason: str | None = None
    replayed_until: Instant | None = None

    @property
    def ended(self) -> bool:
        return self.state in _ENDED

    @property
    def share(self) -> float:
        """How much of its time is done, from 0 to 1."""
        if self.state == "COMPLETED":
            return 1.0
        whole = times.seconds_between(self.since, self.until)
        done = times.seconds_between(self.since, self.replayed_until or self.since)
        return min(1.0, max(0.0, done / whole)) if whole else 0.0


def command(
    context: typer.Context,
    since: Annotated[
        Instant,
        typer.Option(
            "--since", parser=moment, metavar="TIME", help="From then on: 2h, 3d, RFC 3339"
        ),
    ],
    until: Annotated[
        Instant | None,
        typer.Option(
            "--until", parser=moment, metavar="TIME", help="Before then; without it until now"
        ),
    ] = None,
    profile: Profiles = [],  # noqa: B006 - typer reads it and makes a new one
    wait: Annotated[bool, typer.Option(help="Show the progress until it has ended")] = True,
    json: Json = False,
) -> None:
    """Sends the archived object events of that time to the ingest queue again, and to nobody else
    on the event bus. Facts are idempotent: what is known already changes nothing.

    Collectors in other Regions and accounts have archives of their own, which are replayed too.
    S3's own replication events (failures, missed thresholds) do not travel by EventBridge and are
    in no archive. Exit code 5 when a replay failed, or an archive could not be reached.
    """
    outputs: Outputs = context.obj()
    now = times.from_datetime(datetime.now(UTC))
    end = until or now
    if since >= end:
        raise typer.BadParameter(f"--since {since} is not before --until {end}")
    try:
        sources, unreached = archived(outputs, collectors.profiles(profile))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--profile") from None
    replays = [
        (source.events, _start(source.events, archive, source.rules, since, end))
        for source in sources
        for archive in source.archives
    ]
    if not json and times.seconds_between(end, now) < SETTLE_SECONDS:
        text.errors().print(
            "Events of the last ten minutes may not be in the archive yet; replaying again is safe."
        )
    if wait:
        _follow(replays, quiet=json)
    if json:
        text.as_json({"replays": [asdict(one) for _, one in replays], "unreached": unreached})
    else:
        for _, one in replays:
            text.console().print(f"{one.name}: {one.state}", text.plain(one.reason or ""))
        for place, reason in unreached.items():
            text.errors().print(f"{place} was not replayed:", text.plain(reason))
    if unreached or any(one.state in ("CANCELLED", "FAILED") for _, one in replays):
        raise typer.Exit(ExitCode.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Source:
    """Archives of one Region and account, and the rules that feed the tracker from their events."""

    events: Any
    archives: Sequence[str]
    rules: Sequence[str]


def archived(outputs: Outputs, named: Mapping[str, str]) -> tuple[list[Source], dict[str, str]]:
    """At home and in every collector; and by place (`account/region`) why others have none. Stop
    when there is no archive anywhere. `named` are AWS profiles by account."""
    sources, unreached = [], {}
    if found := _source(lambda: outputs.client("events"), outputs.values):
        sources.append(found)
    for place, session, values in collectors.reached(outputs, named):
        if isinstance(values, collectors.Unreached):
            unreached[str(place)] = str(values)
        elif found := _source(partial(collectors.events, session, outputs), values):
            sources.append(found)
    if not sources and not unreached:
        raise Stop(
            "this stack keeps no archive; deploy with -c archive_days=14 to have one from then on",
            ExitCode.USAGE,
        )
    return sources, unreached


def _source(events: Callable[[], Any], values: Mapping[str, str]) -> Source | None:
    """None for a stack that keeps no archive. `values` are the outputs of the stack."""
    archives, rules = values.get("ArchiveArns"), values.get("ArchivedRuleArns")
    if not archives or not rules:
        return None
    return Source(events(), archives.split(","), rules.split(","))


def _start(
    events: Any, archive: str, rules: Sequence[str], since: Instant, until: Instant
) -> Replay:
    name = f"s3rt-{uuid.uuid4()}"
    bus = events.describe_archive(ArchiveName=archive.rpartition("/")[2])["EventSourceArn"]
    answer = events.start_replay(
        ReplayName=name,
        Description="s3rt replay-archive",
        EventSourceArn=archive,
        EventStartTime=datetime.fromisoformat(since),
        EventEndTime=datetime.fromisoformat(until),
        Destination={"Arn": bus, "FilterArns": rules},
    )
    return Replay(name, archive, since, until, answer["State"], answer.get("StateReason"))


def _follow(replays: Sequence[tuple[Any, Replay]], *, quiet: bool) -> None:
    """Until every replay has ended; each comes with the client that knows it."""
    out = text.errors()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, disable=quiet or not out.is_terminal) as progress:
        tasks = [progress.add_task(one.name, total=1.0) for _, one in replays]
        while True:
            for (events, one), task in zip(replays, tasks, strict=True):
                _ask(events, one)
                progress.update(task, completed=one.share)
            if all(one.ended for _, one in replays):
                return
            time.sleep(POLL_SECONDS)


def _ask(events: Any, one: Replay) -> None:
    if one.ended:
        return
    answer = events.describe_replay(ReplayName=one.name)
    last = answer.get("EventLastReplayedTime")
    one.state, one.reason = answer["State"], answer.get("StateReason")
    one.replayed_until = times.from_datetime(last.astimezone(UTC)) if last else None
