"""`s3rt dead-letters`: what nobody could record, why, and back into the ingest queue with it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console

from replication import times
from s3rt import collectors, sqs, text
from s3rt.exit_codes import ExitCode, Stop
from s3rt.options import Json, Profiles
from s3rt.outputs import Outputs
from s3rt.progress_bars import bar

HIDDEN_SECONDS = 300
"""How long a message stays out of others' sight while it is looked at or put back."""

LONGEST = 10_000
_HEAD = 120
_EMPTY_ANSWERS = 2
"""SQS asks some of its servers at a time: one empty answer does not mean an empty queue."""

app = typer.Typer(
    help="Messages that could not be recorded.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Limit = Annotated[int, typer.Option(min=1, max=LONGEST, help="At most so many messages")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only those with this reason")]
At = Annotated[
    str | None,
    typer.Option(
        "--place", metavar="ACCOUNT/REGION", help="What the collector there could not send home"
    ),
]


@dataclass(frozen=True, slots=True)
class Queues:
    """`sqs` is the client of the dead-letter queue, `home` that of the ingest queue."""

    sqs: Any
    dead_letters: str
    home: Any
    ingest: str

    @classmethod
    def of(cls, outputs: Outputs, place: str | None, profiles: list[str]) -> "Queues":
        """Those at home, or of the collector at `place`. BadParameter; Stop."""
        home, ingest = outputs.client("sqs"), outputs["IngestQueueUrl"]
        if place is None:
            return cls(home, outputs["IngestDeadLetterQueueUrl"], home, ingest)
        try:
            named = collectors.profiles(profiles)
            session, found = collectors.at(outputs, named, place)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--profile") from None
        except collectors.Unreached as error:
            raise Stop(str(error), ExitCode.UNREACHABLE) from None
        there = session.client("sqs", endpoint_url=outputs.endpoint_url)
        return cls(there, found["DeadLetterQueueUrl"], home, ingest)


@dataclass(slots=True)
class Received:
    """Messages taken out of the queue's sight. What is not let go is given back at the end."""

    queues: Queues
    held: dict[str, Any] = field(default_factory=dict)
    seen: int = 0

    def __enter__(self) -> "Received":
        return self

    def __exit__(self, *_: object) -> None:
        url = self.queues.dead_letters
        sqs.give_back(self.queues.sqs, url, list(self.held.values()))

    def batches(self, limit: int) -> Iterator[list[Any]]:
        empty = 0
        while self.seen < limit and empty < _EMPTY_ANSWERS:
            batch = sqs.receive(
                self.queues.sqs, self.queues.dead_letters, HIDDEN_SECONDS, limit - self.seen
            )
            empty = 0 if batch else empty + 1
            self.seen += len(batch)
            self.held |= {one["MessageId"]: one for one in batch}
            if batch:
                yield batch

    def let_go(self, messages: Sequence[Any]) -> int:
        """Deletes them; how many that worked for."""
        deleted = sqs.delete(self.queues.sqs, self.queues.dead_letters, messages)
        for one in deleted:
            self.held.pop(one["MessageId"], None)
        return len(deleted)


@dataclass(slots=True)
class Redriven:
    """How a redrive went, in messages. `left` were not wanted or could not be sent, `came_back`
    were sent and rejected once more meanwhile; both stay in the dead-letter queue."""

    dry_run: bool
    seen: int = 0
    sent: int = 0
    deleted: int = 0
    left: int = 0
    came_back: int = 0
    refusals: list[str] = field(default_factory=list)


@app.command("list")
def list_(
    context: typer.Context,
    reason: Reason = None,
    limit: Limit = 100,
    place: At = None,
    profile: Profiles = [],  # noqa: B006 - typer reads it and makes a new one
    json: Json = False,
) -> None:
    """Each message: why it is there, since when, and how it begins. They stay in the queue, out
    of others' sight while this runs."""
    found = Queues.of(context.obj(), place, profile)
    with Received(found) as received:
        letters = [letter(one) for batch in received.batches(limit) for one in batch]
    total = max(sqs.length(found.sqs, found.dead_letters), len(letters))
    letters = [one for one in letters if reason in (None, one["reason"])]
    if json:
        text.as_json({"items": letters, "approximate_total": total})
        return
    out = text.console()
    if not letters:
        out.print("No dead letter." if not total else f"None of about {total:,} matches.")
        return
    for one in sorted(letters, key=lambda each: str(each["sent_at"])):
        _print(out, one)
    out.print(f"{len(letters):,} shown, about {total:,} in the queue.", style="dim")


@app.command("redrive")
def redrive(
    context: typer.Context,
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them")] = False,
    limit: Limit = LONGEST,
    place: At = None,
    profile: Profiles = [],  # noqa: B006 - typer reads it and makes a new one
    json: Json = False,
) -> None:
    """Puts messages back into the ingest queue: each is sent first and deleted only then, so none
    is lost; one that is sent twice does no harm.

    Exit code 5 when SQS did not take all of them.
    """
    found = Queues.of(context.obj(), place, profile)
    total = sqs.length(found.sqs, found.dead_letters)
    with bar("dead letters", total, quiet=json) as advance:
        done = put_back(found, reason=reason, dry_run=dry_run, limit=limit, advance=advance)
    if json:
        text.as_json(asdict(done))
    else:
        _sum_up(text.console(), done)
    if done.refusals:
        raise typer.Exit(ExitCode.UNREACHABLE)


def put_back(
    found: Queues,
    *,
    reason: str | None,
    dry_run: bool,
    limit: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Redriven:
    """At most `limit` messages are looked at. Those that are left become visible at the end."""
    done = Redriven(dry_run)
    sent: set[str] = set()
    with Received(found) as received:
        for batch in received.batches(limit):
            done.seen += len(batch)
            advance(len(batch))
            again = [one for one in batch if {one["MessageId"], _first_id(one)} & sent]
            wanted = [
                one for one in batch if one not in again and reason in (None, letter(one)["reason"])
            ]
            done.came_back += len(again)
            done.left += len(batch) - len(again) - len(wanted)
            if dry_run:
                done.sent += len(wanted)
            else:
                _move(received, wanted, done, sent)
    return done


def _move(received: Received, wanted: list[Any], done: Redriven, sent: set[str]) -> None:
    rest = iter(wanted)
    for bodies in sqs.batches([one["Body"] for one in wanted]):
        messages = [next(rest) for _ in bodies]
        results = sqs.send(received.queues.home, received.queues.ingest, bodies)
        arrived = [m for m, r in zip(messages, results, strict=True) if r.message_id]
        sent |= {one.message_id for one in results if one.message_id}
        done.sent += len(arrived)
        done.deleted += received.let_go(arrived)
        done.refusals += [one.refusal for one in results if one.refusal]
        done.left += len(messages) - len(arrived)


def letter(message: Any) -> dict[str, Any]:
    """What a dead letter says of itself. `reason` is the recorder's, or EventBridge's error code;
    null when SQS moved the message after its last attempt. `sent_at`: when it was put into this
    queue, or for one that SQS moved, into the ingest queue."""
    body: str = message["Body"]
    attribute = sqs.attribute
    return {
        "message_id": message["MessageId"],
        "reason": attribute(message, "reason") or attribute(message, "ERROR_CODE"),
        "detail": attribute(message, "detail") or attribute(message, "ERROR_MESSAGE"),
        "sent_at": times.from_epoch_milliseconds(int(message["Attributes"]["SentTimestamp"])),
        "first_message_id": _first_id(message),
        "body_bytes": len(body.encode()),
        "body_head": body[:_HEAD],
    }


def _first_id(message: Any) -> str:
    """Its id in the ingest queue; a message that SQS moved keeps it."""
    return sqs.attribute(message, "message_id") or message["MessageId"]


def _print(out: Console, one: dict[str, Any]) -> None:
    head = text.plain(one["reason"] or "tried to the last, never recorded", "bold red")
    out.print(text.plain(one["sent_at"], "dim"), head, text.plain(one["detail"] or ""))
    more = "…" if one["body_bytes"] > len(one["body_head"].encode()) else ""
    out.print(text.plain(f"  {one['body_head']}"), f"{more}\n", sep="")


def _sum_up(out: Console, done: Redriven) -> None:
    if done.dry_run:
        out.print(f"{done.sent:,} of {done.seen:,} would be put back into the ingest queue.")
        return
    out.print(f"{done.sent:,} of {done.seen:,} put back into the ingest queue.")
    if done.sent != done.deleted:
        out.print(
            f"{done.sent - done.deleted:,} could not be deleted here; redriving again is safe."
        )
    if done.came_back:
        out.print(f"{done.came_back:,} came back at once: what ails them is not mended.")
    for refusal in dict.fromkeys(done.refusals):
        out.print(text.plain(f"SQS refused: {refusal}", "red"))
