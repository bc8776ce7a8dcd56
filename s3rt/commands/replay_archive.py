"""`s3rt replay-archive`: what the EventBridge archives kept, into the ingest queue again."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from replication import times
from replication.times import Instant
from s3rt import text
from s3rt.exit_codes import ExitCode, Stop
from s3rt.options import Json, moment
from s3rt.outputs import NoStack, Outputs

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
    wait: Annotated[bool, typer.Option(help="Show the progress until it has ended")] = True,
    json: Json = False,
) -> None:
    """Sends the archived object events of that time to the ingest queue again, and to nobody else
    on the event bus. Facts are idempotent: what is known already changes nothing.

    S3's own replication events (failures, missed thresholds) do not travel by EventBridge and are
    in no archive. Exit code 5 when a replay failed.
    """
    outputs: Outputs = context.obj()
    now = times.from_datetime(datetime.now(UTC))
    end = until or now
    if since >= end:
        raise typer.BadParameter(f"--since {since} is not before --until {end}")
    archives, rules = archived(outputs)
    events = outputs.client("events")
    replays = [_start(events, archive, rules, since, end) for archive in archives]
    if not json and times.seconds_between(end, now) < SETTLE_SECONDS:
        text.errors().print(
            "Events of the last ten minutes may not be in the archive yet; replaying again is safe."
        )
    if wait:
        _follow(events, replays, quiet=json)
    if json:
        text.as_json({"replays": [asdict(one) for one in replays]})
    else:
        for one in replays:
            text.console().print(f"{one.name}: {one.state}", text.plain(one.reason or ""))
    if any(one.state in ("CANCELLED", "FAILED") for one in replays):
        raise typer.Exit(ExitCode.UNREACHABLE)


def archived(outputs: Outputs) -> tuple[list[str], list[str]]:
    """ARNs of the stack's archives, and of the rules that feed the ingest queue from their events.
    Stop when it has none."""
    try:
        archives, rules = outputs["ArchiveArns"], outputs["ArchivedRuleArns"]
    except NoStack:
        raise Stop(
            "this stack keeps no archive; deploy with -c archive_days=14 to have one from then on",
            ExitCode.USAGE,
        ) from None
    return archives.split(","), rules.split(",")


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


def _follow(events: Any, replays: Sequence[Replay], *, quiet: bool) -> None:
    """Until every replay has ended."""
    out = text.errors()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, disable=quiet or not out.is_terminal) as progress:
        tasks = [progress.add_task(one.name, total=1.0) for one in replays]
        while True:
            for one, task in zip(replays, tasks, strict=True):
                _ask(events, one)
                progress.update(task, completed=one.share)
            if all(one.ended for one in replays):
                return
            time.sleep(POLL_SECONDS)


def _ask(events: Any, one: Replay) -> None:
    if one.ended:
        return
    answer = events.describe_replay(ReplayName=one.name)
    last = answer.get("EventLastReplayedTime")
    one.state, one.reason = answer["State"], answer.get("StateReason")
    one.replayed_until = times.from_datetime(last.astimezone(UTC)) if last else None
