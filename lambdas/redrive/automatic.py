"""Redrives that start by themselves, for causes that mend themselves. Off unless the configuration
has rules: a route and a failure code.

A rule acts when its incident is open and something of the route arrived after the last failure. It
plans like a person, and starts the plan unless that goes over a ceiling of the day. It stops for an
incident when under half of the tasks of its last redrive succeeded; the doctor says so. A version
is tried three times at most, ever.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from redrive.api import Problem, RedriveApi, new_id
from redrive.messages import plan_message
from redrive.port import Incidents, Queue, Store
from replication.counters.incident import Incident
from replication.published import redrive_cost
from replication.published.automatic import AutoRule, RuleNote, Spent, is_stopped
from replication.published.redrive import Redrive, RedriveState, Selection
from replication.times import Instant

log = logging.getLogger(__name__)

BY = "automatic"
JOBS_A_DAY = 10
VERSIONS_A_DAY = 100_000
DOLLARS_A_DAY = 10.0


class Notes(Protocol):
    """What is kept of rules and days. See `aws/table/redrives.py`."""

    def note(self, rule: AutoRule) -> RuleNote | None: ...

    def save_note(self, note: RuleNote, now: Instant) -> None: ...

    def spent(self, day: str) -> Spent: ...

    def save_spent(self, spent: Spent, now: Instant) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Automatic:
    """Looks at every rule when the schedule ticks."""

    rules: Sequence[AutoRule]
    store: Store
    notes: Notes
    queue: Queue
    incidents: Incidents
    api: RedriveApi
    now: Callable[[], Instant]

    def tick(self) -> None:
        if not self.rules:
            return
        open_ones = [found[0] for one in self.store.open_ids() if (found := self.store.found(one))]
        for redrive in open_ones:
            if redrive.why is not None and redrive.state is RedriveState.PLANNED:
                self._start(redrive)
        # One open redrive a bucket, whoever made it; its plan is one as well.
        busy = {
            redrive.selection.bucket
            for redrive in open_ones
            if redrive.state.has_jobs or redrive.why is not None
        }
        for rule in self.rules:
            if rule.bucket in busy:
                continue
            for incident in self._mended(rule):
                busy.add(rule.bucket)
                self._plan(rule, incident)
                break

    def _mended(self, rule: AutoRule) -> Iterator[Incident]:
        """Open incidents of the rule after which something arrived, and that it may act on."""
        note = self.notes.note(rule)
        for one in self.incidents.open_of(rule.bucket, rule.destination):
            arrived = one.recovered_at is not None and one.recovered_at >= one.last_failed_at
            if one.kind.code != rule.code or not arrived or one.failing <= 0:
                continue
            last = self.store.found(note.redrive_id) if note else None
            same = note is not None and note.incident_id == one.id
            if same and last and is_stopped(last[0]):
                continue
            if self.notes.spent(self._day()).jobs < JOBS_A_DAY:
                yield one

    def _plan(self, rule: AutoRule, incident: Incident) -> None:
        now = self.now()
        selection = Selection(bucket=rule.bucket, destination=rule.destination, code=rule.code)
        redrive = Redrive(new_id(now), now, BY, selection, why=f"{rule.text}, {incident.id}")
        # Noted first: a crash in between leaves a note of a redrive that is not there.
        self.notes.save_note(RuleNote(rule, redrive.id, incident.id), now)
        self.store.save(redrive, 0, now)
        self.queue.send([plan_message(redrive.id)])

    def _start(self, redrive: Redrive) -> None:
        spent = self.notes.spent(self._day())
        cost = redrive_cost.of(redrive.jobs).total
        after = spent.plus(len(redrive.jobs), redrive.versions, cost or 0.0)
        within = (
            cost is not None
            and after.jobs <= JOBS_A_DAY
            and after.versions <= VERSIONS_A_DAY
            and after.dollars <= DOLLARS_A_DAY
        )
        if not within:
            log.warning("%s is over a ceiling of the day, or its price is not known", redrive.id)
            self.api.runner.cancel(redrive.id, f"{BY}: over a ceiling of the day")
            return
        # Counted first: a crash in between counts too much and never too little.
        self.notes.save_spent(after, self.now())
        try:
            self.api.start(redrive.id, BY, force=False, why=redrive.why)
        except Problem as problem:
            log.warning("%s is not started: %s", redrive.id, problem.detail)

    def _day(self) -> str:
        return self.now()[:10]
