"""Plans a redrive: reads the lists of FAILED versions, and writes a manifest for each bucket.

A round works until its time is nearly over. Then it stores the rows that are in no part of the
upload yet, sends the same message again, and the next round goes on behind the last row. After a
crash the rows since the last part are read once more. In memory are one page of a list and one part
of an upload, however many versions there are.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from redrive import cause, manifest
from redrive.draft import Draft
from redrive.life import Event, Planned, Refused, step
from redrive.messages import plan_message
from redrive.port import Incidents, Items, JobMeansOf, LocksObjects, Manifests, Queue, Store
from redrive.sieve import Sieve
from replication.counters.incident import Incident
from replication.errors import Rejected
from replication.head.port import Objects
from replication.ledger import index
from replication.ledger.index import Fetch, Filters
from replication.published.automatic import MOST_ATTEMPTS
from replication.published.redrive import (
    Redrive,
    RedriveState,
    Refusal,
    Selection,
    shares_of,
)
from replication.published.redrive_json import LEFT_OUT, OUT_OF_REACH
from replication.s3.bucket_setup import Finding
from replication.s3.rule_history import RuleHistory
from replication.s3.status import Status
from replication.times import Instant, plus

log = logging.getLogger(__name__)

MOST_VERSIONS = 1_000_000
PAGE = 500
MOST_RESTARTS = 3
RESERVE_SECONDS = 60.0
"""No page is begun with less time left."""

Histories = Callable[[], Mapping[str, RuleHistory | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """See the module.

    store, queue            redrives, and the function's own queue
    fetch, items, shards    the lists and the items of the ledger
    objects, locks_objects  HEAD, and whether a bucket has Object Lock
    places                  where the jobs of each source bucket are made
    out_of_reach            source buckets elsewhere, where no jobs can be made
    histories               the rules of every source bucket
    incidents, findings     what may show that the cause stands open
    most_versions           a plan of more is refused
    """

    store: Store
    queue: Queue
    fetch: Fetch
    items: Items
    shards: int
    objects: Objects
    locks_objects: LocksObjects
    places: JobMeansOf
    out_of_reach: frozenset[str]
    histories: Histories
    incidents: Incidents
    findings: Callable[[], Sequence[Finding]]
    now: Callable[[], Instant]
    most_versions: int = MOST_VERSIONS
    part_bytes: int = manifest.PART_BYTES

    def plan(self, redrive_id: str, seconds_left: Callable[[], float]) -> None:
        """One round. Nothing when the redrive is not being planned."""
        found = self.store.found(redrive_id)
        if found is None or found[0].state is not RedriveState.PLANNING:
            return
        redrive, _ = found
        kept = self.store.progress(redrive_id)
        draft, rev = (Draft.decode(kept[0]), kept[1]) if kept else (Draft(redrive), 0)
        routes = self.routes(redrive)
        if rev == 0:
            if redrive.selection.bucket in self.out_of_reach:
                detail = f"{redrive.selection.bucket}: {LEFT_OUT[OUT_OF_REACH]}"
                self._end(redrive, Refused(Refusal("no-jobs-there", detail)))
                return
            concerns = self.concerns(redrive)
            if concerns and not redrive.force:
                detail = " ".join(concerns) + " Or insist with force."
                self._end(redrive, Refused(Refusal("cause-stands-open", detail)))
                return
            draft.done = replace(draft.done, concerns=concerns)
        try:
            end = _Round(self, draft, rev, routes, seconds_left).run()
        except Rejected as error:
            # A crash between the end of an upload and the note of it, or two rounds at once.
            log.warning("the manifest of %s has to be written anew: %s", redrive_id, error)
            end = self._again(redrive, draft, str(error))
        if end is not None:
            self._end(redrive, end)

    def _again(self, redrive: Redrive, draft: Draft, problem: str) -> Event | None:
        """Begins the plan once more, a few times at most."""
        if draft.restarts >= MOST_RESTARTS:
            return Refused(
                Refusal("manifest-changed", f"The manifest was changed: {problem}. Plan again.")
            )
        kept = self.store.progress(redrive.id)
        fresh = Draft(replace(redrive, concerns=draft.done.concerns), restarts=draft.restarts + 1)
        if self.store.save_progress(redrive.id, fresh.encode(), kept[1] if kept else 0, self.now()):
            self.queue.send([plan_message(redrive.id)])
        return None

    def routes(self, redrive: Redrive) -> list[tuple[str, list[str]]]:
        """Each source bucket that the redrive is about, with the destinations whose lists are
        read."""
        wanted, found = redrive.selection, []
        for bucket, history in sorted(self.histories().items()):
            if history is None or wanted.bucket not in (None, bucket):
                continue
            names = [name for name in history.destinations if wanted.destination in (None, name)]
            if names:
                found.append((bucket, names))
        return found

    def concerns(self, redrive: Redrive) -> tuple[str, ...]:
        """Why the cause of the failures seems to stand open."""
        pairs = [
            (bucket, name)
            for bucket, names in self.routes(redrive)
            for name in names
            if bucket not in self.out_of_reach
        ]
        return cause.concerns(self._incidents(redrive, pairs), self.findings(), pairs, self.now())

    def _incidents(self, redrive: Redrive, pairs: Sequence[tuple[str, str]]) -> list[Incident]:
        wanted = redrive.selection
        return [
            one
            for bucket, destination in pairs
            for one in self.incidents.open_of(bucket, destination)
            if wanted.rule_id in (None, one.kind.rule_id) and wanted.code in (None, one.kind.code)
        ]

    def _end(self, redrive: Redrive, event: Event) -> None:
        found = self.store.found(redrive.id)
        if found is None:
            return
        after = step(found[0], event, self.now())
        if after is not found[0]:
            # Somebody who cancelled it meanwhile has the last word: the message comes again.
            if not self.store.save(after, found[1], self.now()):
                self.queue.send([plan_message(redrive.id)])
        else:
            self.store.close(after)


@dataclass(slots=True)
class _Round:
    """One round of the planner."""

    planner: Planner
    draft: Draft
    rev: int
    routes: Sequence[tuple[str, list[str]]]
    seconds_left: Callable[[], float]
    buffer: bytearray = field(default_factory=bytearray)
    """Rows that are in no part yet."""

    def run(self) -> Event | None:
        """What the plan ended with; None: it goes on in another round, or elsewhere."""
        draft = self.draft
        if draft.tail is not None:
            self.buffer += self._manifests().kept(draft.tail)
            draft.tail = None
        while draft.bucket < len(self.routes):
            bucket, names = self.routes[draft.bucket]
            sieve = self._sieve(bucket)
            while draft.destination < len(names):
                if self.seconds_left() < RESERVE_SECONDS:
                    self._pause()
                    return None
                more = self._page(bucket, names, sieve)
                if draft.planned > self.planner.most_versions:
                    return self._refused(
                        "too-many-versions",
                        f"Over {self.planner.most_versions:,} versions fit the filters. Narrow"
                        " them: by bucket, prefix or time.",
                    )
                if not more:
                    draft.destination, draft.after = draft.destination + 1, None
                if len(self.buffer) >= self.planner.part_bytes and not self._part():
                    return None
            self._finish_bucket(bucket)
            if not self._save():
                return None
        if not draft.done.jobs:
            return self._refused(
                "nothing-to-do", "No version that is FAILED and could be replicated fits."
            )
        return Planned(draft.done.jobs, shares_of(draft.left_out), draft.done.concerns)

    def _sieve(self, bucket: str) -> Sieve:
        history = self.planner.histories()[bucket]
        assert history is not None, "routes() names buckets with rules alone"
        rules = history.current
        return Sieve(
            self.planner.objects,
            self.planner.items,
            rules,
            {name: self.planner.locks_objects(name) for name in sorted(rules.destinations)},
            self._selection_until(),
            MOST_ATTEMPTS if self.draft.done.why is not None else None,
            OUT_OF_REACH if bucket in self.planner.out_of_reach else None,
        )

    def _selection_until(self) -> Selection:
        """What fails after the plan was asked for is not in it, so that every list has an end."""
        selection, until = self.draft.done.selection, plus(self.draft.done.created_at, 1)
        return replace(selection, until=min(selection.until or until, until))

    def _page(self, bucket: str, names: Sequence[str], sieve: Sieve) -> bool:
        """Reads the next page of the destination's list; whether there is another one."""
        draft, wanted = self.draft, sieve.selection
        name = names[draft.destination]
        page = index.page(
            Filters(
                routes=((bucket, name),),
                statuses=(Status.FAILED,),
                newest_first=False,
                rule_id=wanted.rule_id,
                failure_code=wanted.code,
                prefix=wanted.prefix,
                since=wanted.since,
                until=wanted.until,
            ),
            self.planner.fetch,
            shards=self.planner.shards,
            after=draft.after,
            limit=PAGE,
        )
        found = sieve.sift([row for _, row in page.rows], names[: draft.destination])
        draft.take(found)
        for one in found:
            if not one.left_out:
                self.buffer += manifest.row(one.version)
        draft.after = page.next
        return page.next is not None

    def _part(self) -> bool:
        """Uploads the rows as the next part; False when another round is at it as well."""
        draft, key = self.draft, self._key()
        if draft.upload is None:
            draft.upload = self._manifests().begin(key)
        number = len(draft.parts) + 1
        etag = self._manifests().part(key, draft.upload, number, bytes(self.buffer))
        draft.parts.append(etag)
        self.buffer.clear()
        return self._save()

    def _pause(self) -> None:
        if self.buffer:
            self.draft.tail = f"{self._key()}.{self.rev}.tail"
            self._manifests().keep(self.draft.tail, bytes(self.buffer))
        if self._save():
            self.planner.queue.send([plan_message(self.draft.done.id)])

    def _save(self) -> bool:
        redrive_id, now = self.draft.done.id, self.planner.now()
        saved = self.planner.store.save_progress(redrive_id, self.draft.encode(), self.rev, now)
        self.rev += 1
        return saved

    def _finish_bucket(self, bucket: str) -> None:
        draft, key, manifests = self.draft, self._key(), self._manifests()
        etag = None
        if self.buffer or draft.parts:
            if self.buffer:
                upload = draft.upload or manifests.begin(key)
                number = len(draft.parts) + 1
                draft.parts.append(manifests.part(key, upload, number, bytes(self.buffer)))
                draft.upload = upload
            assert draft.upload is not None, "a part has an upload"
            etag = manifests.complete(key, draft.upload, draft.parts)
            self.buffer.clear()
        draft.finish_bucket(bucket, key, etag)

    def _refused(self, code: str, detail: str) -> Refused:
        draft = self.draft
        if draft.upload is not None:
            self._manifests().abort(self._key(), draft.upload)
        return Refused(Refusal(code, detail), shares_of(draft.left_out), draft.done.concerns)

    def _manifests(self) -> Manifests:
        """Of the bucket that is being read."""
        return self.planner.places(self.routes[self.draft.bucket][0]).manifests

    def _key(self) -> str:
        return f"manifests/{self.draft.done.id}/{self.routes[self.draft.bucket][0]}.csv"
