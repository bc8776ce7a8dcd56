"""The one write path: messages in, facts in the ledger, and for every message a verdict.

A message is done when every fact in it is in the ledger, or when the dead-letter queue has it
because nobody can ever understand it. Anything else goes back to the queue, alone.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from replication.attributor import Attributor
from replication.errors import NotYet, Rejected
from replication.events import ConfigurationChanged, Event, Ignored
from replication.ports import Claim, DeadLetters, Histories, Ledger, Message, Written
from replication.times import Instant

log = logging.getLogger(__name__)

THREADS = 16
"""Proofs wait for S3, they do not compute."""

Parse = Callable[[str, Instant], Sequence[Event | Rejected]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`retry`: ids of messages to deliver again. `counts`: what happened, by name."""

    retry: tuple[str, ...]
    counts: Counter[str]


@dataclass(slots=True)
class _Work:
    """One event of one message, and the claims it came to; None before anybody could tell."""

    message: Message
    event: Event
    claims: list[Claim] | None = None
    failed: bool = False


@dataclass(slots=True)
class _Verdicts:
    """What has been decided about the messages of a batch."""

    rejected: dict[str, tuple[Message, Rejected]] = field(default_factory=dict)
    retry: dict[str, NotYet] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, message: Message, error: Rejected | NotYet) -> None:
        if isinstance(error, Rejected):
            self.rejected.setdefault(message.id, (message, error))
        else:
            self.retry.setdefault(message.id, error)


class Recorder:
    """Records batches of messages. Everything it needs is handed in; `now` is the wall clock and
    `attributor` makes one for a batch."""

    def __init__(
        self,
        *,
        parse: Parse,
        attributor: Callable[[], Attributor],
        histories: Histories,
        ledger: Ledger,
        dead_letters: DeadLetters,
        now: Callable[[], Instant],
    ) -> None:
        self._parse = parse
        self._attributor = attributor
        self._histories = histories
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._now = now

    def record(self, messages: Sequence[Message]) -> Outcome:
        """Never raises for what a message holds, and no message stops another."""
        verdicts = _Verdicts()
        works = [_Work(m, event) for m in messages for event in self._events(m, verdicts)]
        works = self._configure(works, verdicts)
        attributor = self._attributor()
        for work in works:
            _attribute(verdicts, work, attributor.claims)
        unproven = [work for work in works if work.claims is None and not work.failed]
        unproven += self._write([work for work in works if work.claims], verdicts)
        self._prove(attributor, unproven, verdicts)
        retry = set(verdicts.retry) | self._reject(verdicts)
        for name, error in verdicts.retry.items():
            log.warning("message %s goes back to the queue: %s", name, error)
        verdicts.counts["retried_messages"] = len(retry)
        return Outcome(tuple(m.id for m in messages if m.id in retry), verdicts.counts)

    def _events(self, message: Message, verdicts: _Verdicts) -> Iterable[Event]:
        for found in self._parse(message.body, message.sent):
            if isinstance(found, Rejected):
                verdicts.note(message, found)
            elif isinstance(found, Ignored):
                verdicts.counts["ignored_events"] += 1
                log.info("ignored %s", found.name)
            else:
                yield found

    def _configure(self, works: Sequence[_Work], verdicts: _Verdicts) -> list[_Work]:
        """Takes changes of configuration first, so that the objects beside them meet new rules."""
        rest = []
        for work in works:
            if isinstance(work.event, ConfigurationChanged):
                changed_at = work.event.at if work.event.bucket else None
                self._histories.forget(work.event.bucket, changed_at)
                verdicts.counts["configuration_events"] += 1
            else:
                rest.append(work)
        return rest

    def _write(self, works: Sequence[_Work], verdicts: _Verdicts) -> list[_Work]:
        """Writes all claims in one go; answers the works whose items do not exist."""
        results = self._ledger.write([claim for work in works for claim in work.claims or ()])
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

    def _prove(self, attributor: Attributor, works: Sequence[_Work], verdicts: _Verdicts) -> None:
        """Asks S3 about what the events alone could not tell, and writes the answers."""
        if not works:
            return
        now = self._now()

        def prove(work: _Work) -> None:
            _attribute(verdicts, work, lambda event: attributor.prove(event, now))

        with ThreadPoolExecutor(max_workers=min(THREADS, len(works))) as pool:
            list(pool.map(prove, works))
        verdicts.counts["foreign_events"] += sum(
            not work.claims and not work.failed for work in works
        )
        self._write([work for work in works if work.claims], verdicts)

    def _reject(self, verdicts: _Verdicts) -> set[str]:
        """Ids of messages that could not be put into the dead-letter queue."""
        safe = set(self._dead_letters.send(list(verdicts.rejected.values())))
        verdicts.counts["rejected_messages"] += len(safe)
        for message, error in verdicts.rejected.values():
            log.error("message %s can never be understood: %s", message.id, error)
        return set(verdicts.rejected) - safe


def _attribute(
    verdicts: _Verdicts, work: _Work, ask: Callable[[Event], list[Claim] | None]
) -> None:
    """Sets the work's claims. A fault of this program is no fact about the message: it goes back
    to the queue and, if it stays, on to the dead-letter queue."""
    work.claims = None
    try:
        work.claims = ask(work.event)
        return
    except (Rejected, NotYet) as error:
        verdicts.note(work.message, error)
    except Exception as error:
        log.exception("message %s met a fault of the recorder", work.message.id)
        verdicts.note(work.message, NotYet(f"a fault of the recorder: {error!r}"))
    work.failed = True
