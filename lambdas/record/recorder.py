"""Records messages of the ingest queue, and decides about every one.

A message is done when all its facts are in the ledger, or when it can never be understood and the
dead-letter queue has it. Any other goes back to the queue alone. The frontier (`IngestFrontier`)
follows from the messages that are done: the schedule's refresh messages advance it, and messages
that go back to the queue stop it.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial

from record.event_claims import EventClaims
from replication.errors import NotYet, Rejected, Unplaced
from replication.head.bounded import BoundedObjects
from replication.ledger.port import Claim, Ledger, Written
from replication.message import DeadLetters, IngestFrontier, Message
from replication.s3.events import ConfigurationChanged, Event, Ignored
from replication.s3.rule_histories import RuleHistories
from replication.times import Instant

log = logging.getLogger(__name__)

THREADS = 16
"""They wait for S3 and do not compute."""
READS_A_BATCH = 500
"""The most reads of S3. Anybody who may write into a bucket can cause reads; messages beyond the
limit come again."""
RESERVE_SECONDS = 20.0
"""Reads end with so much of the function's time left, so that their claims can be written."""
TAGS_NOT_PERMITTED = frozenset({"SrcGetTaggingNotPermitted", "DstPutTaggingNotPermitted"})
"""Codes of a role that leaves replicas without their tags; there is no event for these."""

Parse = Callable[[str, Instant], Sequence[Event | Rejected]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    retry       ids of messages to deliver again
    counts      what happened, by the name of its metric
    """

    retry: tuple[str, ...]
    counts: Counter[str]


@dataclass(slots=True)
class _Work:
    """One event of a message.

    claims      None until they are known
    failed      the message goes back to the queue or to the dead-letter queue
    """

    message: Message
    event: Event
    claims: list[Claim] | None = None
    failed: bool = False


@dataclass(slots=True)
class _Verdicts:
    """Decisions about the messages of a batch.

    rejected    can never be understood; by message id
    retry       go back to the queue, with the reasons; by message id
    counts      what happened, by the name of its metric
    """

    rejected: dict[str, tuple[Message, Rejected]] = field(default_factory=dict)
    retry: dict[str, list[NotYet]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, message: Message, error: Rejected | NotYet) -> None:
        if isinstance(error, Rejected):
            self.rejected.setdefault(message.id, (message, error))
        else:
            self.retry.setdefault(message.id, []).append(error)

    def is_lost_without(self, message: Message) -> bool:
        """Whether the ledger may lack a replication that only this message reports."""
        return any(not isinstance(one, Unplaced) for one in self.retry.get(message.id, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Records batches of messages.

    parse           a body and the time it was sent, as events
    event_claims    makes the `EventClaims` of a batch
    histories       the rules of the tracked source buckets
    ledger          where facts are written
    dead_letters    where messages go that can never be understood
    now             the wall clock
    frontier        keeps up to when every message was recorded
    """

    parse: Parse
    event_claims: Callable[[], EventClaims]
    histories: RuleHistories
    ledger: Ledger
    dead_letters: DeadLetters
    now: Callable[[], Instant]
    frontier: IngestFrontier | None = None

    def record(
        self, messages: Sequence[Message], seconds_left: Callable[[], float] = lambda: math.inf
    ) -> Outcome:
        """Records a batch. The content of a message never raises, and no message stops another.
        What is not done when `seconds_left` is nearly zero goes back to the queue."""
        verdicts = _Verdicts()
        works = [_Work(m, event) for m in messages for event in self._events(m, verdicts)]
        refreshed = [w.message.sent for w in works if _is_refresh(w.event)]
        works = self._forget_changed_rules(works, verdicts)
        world = self.event_claims()
        world = replace(world, objects=BoundedObjects(world.objects, READS_A_BATCH))
        for work in works:
            _set_claims(verdicts, work, world.claims)
        unclear = [work for work in works if work.claims is None and not work.failed]
        unclear += self._write([work for work in works if work.claims], verdicts)
        self._read_and_write(world, unclear, verdicts, seconds_left)
        self._note_routes(world, works)
        retry = set(verdicts.retry) | self._reject(verdicts)
        for name, errors in verdicts.retry.items():
            log.warning("message %s goes back to the queue: %s", name, errors[0])
        verdicts.counts["retried_messages"] = len(retry)
        self._advance_frontier(messages, verdicts, refreshed)
        return Outcome(tuple(m.id for m in messages if m.id in retry), verdicts.counts)

    def _events(self, message: Message, verdicts: _Verdicts) -> Iterable[Event]:
        for found in self.parse(message.body, message.sent):
            if isinstance(found, Rejected):
                verdicts.note(message, found)
            elif isinstance(found, Ignored):
                verdicts.counts["ignored_events"] += 1
                log.info("ignored %s", found.name)
            else:
                yield found

    def _forget_changed_rules(self, works: Sequence[_Work], verdicts: _Verdicts) -> list[_Work]:
        """Handles changes of rules first, so that other events of the batch meet the new rules."""
        rest = []
        for work in works:
            if isinstance(work.event, ConfigurationChanged):
                changed_at = work.event.at if work.event.bucket else None
                self.histories.forget(work.event.bucket, changed_at)
                verdicts.counts["configuration_events"] += 1
            else:
                rest.append(work)
        return rest

    def _write(self, works: Sequence[_Work], verdicts: _Verdicts) -> list[_Work]:
        """Writes all claims at once; the result has the works whose items do not exist."""
        results = self.ledger.write([claim for work in works for claim in work.claims or ()])
        missing = []
        for work in works:
            found = [results[c.fact.version, c.fact.destination] for c in work.claims or ()]
            for claim, result in zip(work.claims or (), found, strict=True):
                if isinstance(result, (NotYet, Rejected)):
                    verdicts.note(work.message, result)
                elif result is Written.WRITTEN:
                    verdicts.counts[claim.fact.kind] += 1
                elif result is Written.KNOWN:
                    verdicts.counts["known_facts"] += 1
            if all(result is Written.MISSING for result in found):
                missing.append(work)
        return missing

    def _read_and_write(
        self,
        world: EventClaims,
        works: Sequence[_Work],
        verdicts: _Verdicts,
        seconds_left: Callable[[], float],
    ) -> None:
        """Reads what the events alone do not say, and writes the claims."""
        if not works:
            return
        now = self.now()

        def read(work: _Work) -> None:
            if seconds_left() <= RESERVE_SECONDS:
                work.failed = True
                verdicts.note(work.message, NotYet("no time was left to ask S3 about it"))
                return
            claims = partial(world.claims_by_reading, now=now, receives=work.message.receives)
            _set_claims(verdicts, work, claims)

        pool = ThreadPoolExecutor(max_workers=min(THREADS, len(works)))
        begun = {pool.submit(read, work): work for work in works}
        left = seconds_left() - RESERVE_SECONDS
        done, hanging = wait(begun, timeout=None if left == math.inf else max(0.0, left))
        # A read that hangs is not waited for; its message comes again.
        pool.shutdown(wait=False, cancel_futures=True)
        for one in done:
            one.result()
        for one in hanging:
            verdicts.note(begun[one].message, NotYet("S3 did not answer in time"))
        found_out = [begun[one] for one in done]
        verdicts.counts["foreign_events"] += sum(
            not work.claims and not work.failed for work in found_out
        )
        self._write([work for work in found_out if work.claims], verdicts)

    def _note_routes(self, world: EventClaims, works: Sequence[_Work]) -> None:
        """Keeps destinations that are in no known rule, so that lists, metrics and reconciliation
        include them; and routes whose replicas may lack their tags."""
        facts = [claim.fact for work in works for claim in work.claims or () if not work.failed]
        routes = {(f.version.bucket, f.destination) for f in facts if f.destination}
        for bucket, name in sorted(routes):
            history = world.histories.get(bucket)
            if history and name != bucket and name not in history.destinations:
                self.histories.note_destination(bucket, name)
        for fact in facts:
            if fact.failure_code in TAGS_NOT_PERMITTED:
                self.histories.note_audit(fact.version.bucket, fact.destination)

    def _reject(self, verdicts: _Verdicts) -> set[str]:
        """Sends to the dead-letter queue; the result has the ids of those it did not take. A
        message that comes again for another of its records is sent once, when it is done."""
        final = {n: one for n, one in verdicts.rejected.items() if n not in verdicts.retry}
        safe = set(self.dead_letters.send(list(final.values())))
        verdicts.counts["rejected_messages"] += len(safe)
        for message, error in final.values():
            log.error("message %s can never be understood: %s", message.id, error)
        return set(final) - safe

    def _advance_frontier(
        self,
        messages: Sequence[Message],
        verdicts: _Verdicts,
        refreshed: Sequence[Instant],
    ) -> None:
        """Returned messages first: the frontier must never be too far ahead."""
        if self.frontier is None:
            return
        self.frontier.give_back([m for m in messages if verdicts.is_lost_without(m)])
        if refreshed:
            self.frontier.advance(max(refreshed))


def _is_refresh(event: Event) -> bool:
    return isinstance(event, ConfigurationChanged) and event.bucket is None


def _set_claims(
    verdicts: _Verdicts, work: _Work, claims_of: Callable[[Event], list[Claim] | None]
) -> None:
    """Sets the work's claims. After a fault of this program the message goes back to the queue and,
    if the fault stays, SQS moves it to the dead-letter queue."""
    work.claims = None
    try:
        work.claims = claims_of(work.event)
        return
    except Unplaced as error:
        verdicts.note(work.message, error)
        verdicts.counts["unplaced_events"] += 1
    except (Rejected, NotYet) as error:
        verdicts.note(work.message, error)
    except Exception as error:
        log.exception("message %s met a fault of the recorder", work.message.id)
        verdicts.note(work.message, NotYet(f"a fault of the recorder: {error!r}"))
    work.failed = True
