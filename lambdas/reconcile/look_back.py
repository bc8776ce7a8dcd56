"""The look-back after a change of the rules.

Until every process has read a change, it applies the old rules to new versions. So all versions
that were written about the time of the change are gone through once, whatever their status. Nothing
is done when the rules known now certainly lead to the destinations in the ledger. For the others,
HEAD is sent to every destination that a rule could have sent them to. Only then are the bucket's
answers certain again (`RuleHistory.certain_until`).
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from reconcile.reconciler import PAGE, RESERVE_SECONDS, THREADS, Reconciler
from replication.errors import Denied, NotYet, Unavailable
from replication.head.reading import Reading
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import step
from replication.ledger.index import Route
from replication.ledger.item import LedgerItem
from replication.ledger.schedule import LookBack, Window
from replication.ledger.state import State
from replication.s3.destinations import due
from replication.s3.evidence import Evidence
from replication.s3.rule_history import RuleHistory
from replication.s3.rules import TagsNeeded
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.threads import concurrently
from replication.times import Instant, end_of_second, plus

# A version whose status changes meanwhile gets a status that is read later.
_ORDER = (None, Status.PENDING, Status.FAILED, Status.COMPLETED)


@dataclass(frozen=True, slots=True)
class LookBacks:
    """Works off look-backs.

    reconciler      reads versions and writes facts
    done            keeps that the look-back of a revision, by bucket and `since`, is done
    """

    reconciler: Reconciler
    done: Callable[[str, Instant], None]

    def work_off(
        self, work: LookBack, seconds_left: Callable[[], float] = lambda: math.inf
    ) -> tuple[LookBack | None, Counter[str]]:
        """What is left of it (None: nothing), and what was found. Unavailable when S3 or the ledger
        did not answer and nothing was done: the same message has to come again."""
        counts: Counter[str] = Counter()
        history = self.reconciler.histories().get(work.bucket)
        revisions = [
            one
            for one in (history.revisions if history else ())
            if one.since in work.since and not one.looked_back
        ]
        if history is None or not revisions:
            return None, counts
        first = min(one.look_back[0] for one in revisions)
        last = max(one.look_back[1] for one in revisions)
        windows = self._windows(history, first)
        done_versions: set[ObjectVersion] = set()
        begun = work
        while work.stage < len(windows):
            window = replace(windows[work.stage], after=work.after)
            try:
                rows, after = self.reconciler.index.page(window, PAGE)
                written = [stored for _, stored in rows if _is_within(stored, first, last)]
                self._page(history, written, done_versions, counts)
            except Unavailable:
                if work == begun:
                    raise
                return work, counts
            work = (
                replace(work, after=after)
                if after
                else replace(work, stage=work.stage + 1, after=None)
            )
            if seconds_left() < RESERVE_SECONDS and work.stage < len(windows):
                return work, counts
        for one in revisions:
            self.done(work.bucket, one.since)
        return None, counts

    def _windows(self, history: RuleHistory, first: Instant) -> list[Window]:
        until = plus(self.reconciler.now(), 1)
        return [
            Window(Route(history.bucket, name, shard), status, first, until)
            for status in _ORDER
            for name in (*history.destinations, *(("",) if status is None else ()))
            for shard in range(self.reconciler.shards)
        ]

    def _page(
        self,
        history: RuleHistory,
        written: Sequence[LedgerItem],
        done_versions: set[ObjectVersion],
        counts: Counter[str],
    ) -> None:
        """Reads the versions of a page that are not in `done_versions`."""
        now = self.reconciler.now()
        versions = sorted({stored.version for stored in written} - done_versions)
        found = concurrently(lambda one: self._read_version(history, one, now), versions, THREADS)
        for error in found:
            if isinstance(error, NotYet):
                raise Unavailable(f"a version could not be looked at: {error}")
        facts = [fact for one in found if isinstance(one, list) for fact in one]
        self.reconciler.write(facts)
        done_versions.update(versions)
        counts["looked_back_versions"] += len(versions)
        counts["checked_versions"] += len({fact.version for fact in facts})

    def _read_version(
        self, history: RuleHistory, version: ObjectVersion, now: Instant
    ) -> list[Fact] | NotYet:
        try:
            known = self.reconciler.ledger.states(version)
            if _is_explained(history, version, known):
                return []
            others = history.candidates(version.key)
            facts = self.reconciler.version_reader(now).read(version, known, now, others)
            return [fact for fact in facts if _is_news(fact, known)]
        except Denied as denied:
            self.reconciler.note([denied], now)
            reading = Reading(version, known, now, all_in_doubt=True)
            read = [name for name, state in known.items() if name and state.evidence]
            return reading.doubt_of_denied(read, ()) + [
                _may_be_due(version, name, now, _written_at_all(known))
                for name in history.candidates(version.key)
                if name not in known
            ]
        except NotYet as error:
            return error


def _is_within(stored: LedgerItem, first: Instant, last: Instant) -> bool:
    return first <= (_written_at(stored.record.state) or first) <= last


def _written_at(state: State) -> Instant | None:
    return state.created_at or state.requested_at


def _written_at_all(known: Mapping[str, State]) -> Instant | None:
    return max((s.created_at for s in known.values() if s.created_at), default=None)


def _is_explained(history: RuleHistory, version: ObjectVersion, known: Mapping[str, State]) -> bool:
    """Whether the rules of its time certainly lead to the destinations in the ledger."""
    created_at = _written_at_all(known)
    if created_at is None or any(state.in_doubt for state in known.values()):
        return False
    marker = any(state.delete_marker for state in known.values())
    try:
        found = due(
            history, version.key, created_at, end_of_second(created_at), delete_marker=marker
        )
    except TagsNeeded:
        return False
    own = {name for name, state in known.items() if name and not state.is_only_an_end}
    return all(one.taken and not one.in_doubt for one in found) and own == {
        one.destination for one in found
    }


def _is_news(fact: Fact, known: Mapping[str, State]) -> bool:
    """Whether the fact changes more than `observed_at`: in a bucket whose rules change often, items
    must not fill up with known facts."""
    before = known.get(fact.destination, State())
    return replace(step(before, fact), observed_at=before.observed_at) != before


def _may_be_due(
    version: ObjectVersion, name: str, now: Instant, written_at: Instant | None
) -> Fact:
    """S3 denies HEAD, so it stays in doubt whether the version is due there."""
    return Fact(
        kind=Kind.NOTED,
        version=version,
        destination=name,
        at=now,
        evidence=Evidence.HEAD_SOURCE,
        id=f"head:{now}",
        requested_at=written_at,
        in_doubt=True,
        detail="S3 denies the question whether a rule took it there",
    )
