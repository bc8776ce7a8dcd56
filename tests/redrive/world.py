"""The function `redrive` over ports in memory."""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from redrive.api import RedriveApi
from redrive.automatic import Automatic
from redrive.dispatch import Redrives
from redrive.plan import Planner
from redrive.port import JobMeans
from redrive.report import ReportReader
from redrive.run import Runner
from replication.aws.deliveries import manifest as deliveries
from replication.counters.counter import FailureKind
from replication.counters.incident import Incident
from replication.errors import Reason, Rejected
from replication.head.port import Head
from replication.ledger.index import Chunk, ChunkRequest, Filters, Position
from replication.ledger.item import LedgerItem
from replication.ledger.state import Record, State
from replication.published.automatic import AutoRule, RuleNote, Spent
from replication.published.backfill import FileProgress, Progress, Request, RunProgress
from replication.published.redrive import Redrive, decode, encode
from replication.published.redrive_json import redrive_json
from replication.s3.batch_jobs import JobOrder, JobSight, NotTaken, report_key
from replication.s3.bucket_setup import Finding
from replication.s3.deliveries import DataFile, run_of
from replication.s3.rule_history import RuleHistory
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.support.fakes import MemoryObjects, history, rule

NOW = Instant("2026-11-22T12:00:00.000Z")
FAILED_AT = Instant("2026-11-22T09:00:00.000Z")
ME = "arn:aws:iam::123456789012:role/operator"


@dataclass
class MemoryStore:
    """`redrive.port.Store`; every value goes through its text, as in the table."""

    redrives: dict[str, tuple[str, int]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    drafts: dict[str, tuple[str, int, Instant]] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    conflicts: int = 0
    """How many of the next writes meet another writer's."""

    def found(self, redrive_id: str) -> tuple[Redrive, int] | None:
        known = self.redrives.get(redrive_id)
        return (decode(known[0]), known[1]) if known else None

    def save(self, redrive: Redrive, rev: int, now: Instant) -> bool:
        if self.conflicts:
            self.conflicts -= 1
            return False
        if self.redrives.get(redrive.id, ("", 0))[1] != rev:
            return False
        if redrive.state.is_open and redrive.id not in self.open:
            self.open.append(redrive.id)
        self.redrives[redrive.id] = encode(redrive), rev + 1
        if not redrive.state.is_open:
            self.close(redrive)
        return True

    def close(self, redrive: Redrive) -> None:
        for job in redrive.jobs:
            self.release(job.bucket, redrive.id)
        self.drafts.pop(redrive.id, None)
        if redrive.id in self.open:
            self.open.remove(redrive.id)

    def open_ids(self) -> list[str]:
        return list(self.open)

    def progress(self, redrive_id: str) -> tuple[str, int, Instant] | None:
        return self.drafts.get(redrive_id)

    def save_progress(self, redrive_id: str, text: str, rev: int, now: Instant) -> bool:
        known = self.drafts.get(redrive_id)
        if (known[1] if known else 0) != rev:
            return False
        self.drafts[redrive_id] = text, rev + 1, now
        return True

    def claim(self, bucket: str, redrive_id: str, instead_of: str | None = None) -> str:
        if self.holders.get(bucket) in (None, redrive_id, instead_of):
            self.holders[bucket] = redrive_id
        return self.holders[bucket]

    def release(self, bucket: str, redrive_id: str) -> None:
        if self.holders.get(bucket) == redrive_id:
            del self.holders[bucket]


@dataclass
class MemoryQueue:
    sent: list[str] = field(default_factory=list)

    def send(self, bodies: Sequence[str], delay_seconds: int = 0) -> None:
        self.sent += bodies


@dataclass
class MemoryManifests:
    """Multipart uploads; `most` is the largest part that was ever in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    kept_objects: dict[str, bytes] = field(default_factory=dict)
    aborted: list[str] = field(default_factory=list)
    most: int = 0

    def begin(self, key: str) -> str:
        upload = f"u{len(self.uploads)}"
        self.uploads[upload] = {}
        return upload

    def part(self, key: str, upload: str, number: int, body: bytes) -> str:
        if upload not in self.uploads:
            raise Rejected(Reason.CHANGED, "no such upload")
        self.uploads[upload][number] = body
        self.most = max(self.most, len(body))
        return f"{upload}/{number}/{hash(body)}"

    def complete(self, key: str, upload: str, parts: Sequence[str]) -> str:
        stored = self.uploads.pop(upload, None)
        if stored is None or [
            f"{upload}/{number}/{hash(body)}" for number, body in sorted(stored.items())
        ] != list(parts):
            raise Rejected(Reason.CHANGED, "other parts")
        self.objects[key] = b"".join(body for _, body in sorted(stored.items()))
        return f"etag-of-{key}"

    def abort(self, key: str, upload: str) -> None:
        self.aborted.append(key)
        self.uploads.pop(upload, None)

    def keep(self, key: str, body: bytes) -> None:
        self.kept_objects[key] = body

    def kept(self, key: str) -> bytes:
        return self.kept_objects[key]


@dataclass
class MemoryJobs:
    """S3 Batch Operations: one job for each token."""

    by_token: dict[str, str] = field(default_factory=dict)
    orders: list[JobOrder] = field(default_factory=list)
    sights: dict[str, JobSight] = field(default_factory=dict)
    refusal: str | None = None
    cancelled: list[str] = field(default_factory=list)

    def create(self, order: JobOrder) -> str | NotTaken:
        self.orders.append(order)
        if self.refusal:
            return NotTaken(self.refusal)
        job_id = self.by_token.setdefault(order.token, f"job-{len(self.by_token)}")
        self.sights.setdefault(job_id, JobSight("New", None, None, None, ()))
        return job_id

    def describe(self, job_id: str) -> JobSight | None:
        return self.sights.get(job_id)

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)


@dataclass
class MemoryReports:
    objects: dict[str, bytes] = field(default_factory=dict)

    def manifest(self, bucket: str, key: str) -> bytes:
        if key not in self.objects:
            raise Rejected(Reason.NO_SUCH_FILE, key)
        return self.objects[key]

    def verified(self, file: DataFile) -> str:
        return "etag"

    def lines(self, file: DataFile, etag: str) -> Generator[bytes, None, None]:
        yield from self.objects[file.key].splitlines(keepends=True)


@dataclass
class MemoryItems:
    items: list[LedgerItem] = field(default_factory=list)

    def version(self, version: ObjectVersion) -> tuple[LedgerItem, ...]:
        return tuple(one for one in self.items if one.version == version)

    def fetch(self, filters: Filters, wanted: Sequence[ChunkRequest]) -> Sequence[Chunk]:
        """Everything in shard 0, oldest first, ties by key."""
        return [self._chunk(filters, one) for one in wanted]

    def _chunk(self, filters: Filters, wanted: ChunkRequest) -> Chunk:
        route = wanted.stream.route
        rows = sorted(
            (position(one), one)
            for one in self.items
            if route.shard == 0
            and (one.version.bucket, one.destination) == (route.bucket, route.destination)
            and one.record.state.status is wanted.stream.status
            and filters.rule_id in (None, one.record.state.rule_id)
            and filters.failure_code in (None, one.record.state.failure_code)
            and one.version.key.startswith(filters.prefix or "")
            and (not filters.since or str(one.record.state.since) >= filters.since)
            and (not filters.until or str(one.record.state.since) < filters.until)
            and (wanted.after is None or position(one) > wanted.after)
        )
        page = rows[: wanted.entries]
        return Chunk(page, len(page), page[-1][0] if len(rows) > len(page) else None)


def position(item: LedgerItem) -> Position:
    return Position(str(item.record.state.since), f"{abs(hash(item.version)) % 16**16:016x}")


@dataclass
class MemoryIncidents:
    incidents: list[Incident] = field(default_factory=list)

    def open_of(self, bucket: str, destination: str) -> list[Incident]:
        wanted = bucket, destination
        return [one for one in self.incidents if (one.kind.bucket, one.kind.destination) == wanted]

    def find(self, incident_id: str) -> Incident | None:
        return next((one for one in self.incidents if one.id == incident_id), None)


@dataclass
class MemoryNotes:
    """`redrive.automatic.Notes`."""

    by_rule: dict[AutoRule, RuleNote] = field(default_factory=dict)
    by_day: dict[str, Spent] = field(default_factory=dict)

    def note(self, rule: AutoRule) -> RuleNote | None:
        return self.by_rule.get(rule)

    def save_note(self, note: RuleNote, now: Instant) -> None:
        self.by_rule[note.rule] = note

    def spent(self, day: str) -> Spent:
        return self.by_day.get(day, Spent(day))

    def save_spent(self, spent: Spent, now: Instant) -> None:
        self.by_day[spent.day] = spent


@dataclass
class World:
    """A source `src` with rules to `dst-a` and `dst-b`, and the function beside it. A bucket `far`
    has its jobs elsewhere; for `out-of-reach` none can be made."""

    store: MemoryStore = field(default_factory=MemoryStore)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    backfill: MemoryQueue = field(default_factory=MemoryQueue)
    manifests: MemoryManifests = field(default_factory=MemoryManifests)
    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    far_manifests: MemoryManifests = field(default_factory=MemoryManifests)
    far_jobs: MemoryJobs = field(default_factory=MemoryJobs)
    reports: MemoryReports = field(default_factory=MemoryReports)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    items: MemoryItems = field(default_factory=MemoryItems)
    incidents: MemoryIncidents = field(default_factory=MemoryIncidents)
    findings: list[Finding] = field(default_factory=list)
    rules: list[AutoRule] = field(default_factory=list)
    notes: MemoryNotes = field(default_factory=MemoryNotes)
    runs: dict[str, Progress] = field(default_factory=dict)
    locks: dict[str, bool | None] = field(default_factory=dict)
    histories: dict[str, RuleHistory | None] = field(
        default_factory=lambda: {"src": history("src", rule("dst-a"), rule("dst-b", "both/"))}
    )
    now: Instant = NOW
    seconds_left: float = 900
    most_versions: int = 1_000_000
    part_bytes: int = 8 << 20

    def place(self, bucket: str) -> JobMeans:
        if bucket == "far":
            return JobMeans("far-jobs", self.far_manifests, self.far_jobs)
        return JobMeans("jobs", self.manifests, self.jobs)

    @property
    def redrives(self) -> Redrives:
        planner = Planner(
            store=self.store,
            queue=self.queue,
            fetch=self.items.fetch,
            items=self.items,
            shards=1,
            objects=self.objects,
            locks_objects=self.locks.get,
            places=self.place,
            out_of_reach=frozenset({"out-of-reach"}),
            histories=lambda: self.histories,
            incidents=self.incidents,
            findings=lambda: self.findings,
            now=lambda: self.now,
            most_versions=self.most_versions,
            part_bytes=self.part_bytes,
        )
        runner = Runner(
            store=self.store,
            queue=self.queue,
            places=self.place,
            reports=ReportReader(self.reports, deliveries.delivery_of, deliveries.reader),
            backfill_queue=self.backfill,
            progress=self.runs.get,
            now=lambda: self.now,
        )
        api = RedriveApi(
            store=self.store,
            queue=self.queue,
            planner=planner,
            runner=runner,
            incidents=self.incidents,
            source_buckets=("src", "other", "far", "out-of-reach"),
            now=lambda: self.now,
        )
        automatic = Automatic(
            rules=self.rules,
            store=self.store,
            notes=self.notes,
            queue=self.queue,
            incidents=self.incidents,
            api=api,
            now=lambda: self.now,
        )
        return Redrives(api=api, planner=planner, runner=runner, automatic=automatic)

    def fails(
        self,
        key: str,
        destination: str = "dst-a",
        *,
        size: int | None = 10,
        code: str = "DstPutObjectNotPermitted",
        bucket: str = "src",
        **head: Any,
    ) -> ObjectVersion:
        """A version that is FAILED at the destination, and exists in S3."""
        version = ObjectVersion(bucket, key, f"v-{key}")
        state = State(
            status=Status.FAILED,
            since=FAILED_AT,
            rule_id=f"to-{destination}",
            failure_code=code,
            size=size,
        )
        self.items.items.append(LedgerItem(version, destination, Record(state)))
        plain = Head("FAILED", delete_marker=False, last_modified=None)
        self.objects.heads[version] = replace(plain, **head)
        return version

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        event = {
            "httpMethod": method,
            "path": path,
            "body": body if isinstance(body, str) or body is None else json.dumps(body),
            "queryStringParameters": None,
            "requestContext": {"identity": {"userArn": ME}},
        }
        answer = self.redrives.api.answer(event | more)
        return answer["statusCode"], json.loads(answer["body"])

    def post(self, **body: Any) -> tuple[int, Any]:
        return self.request("POST", "/v1/redrives", body)

    def work(self, *, lossy: bool = False) -> None:
        """Works off every message, and each of them twice."""
        while self.queue.sent:
            body = self.queue.sent.pop(0)
            for _ in range(2):
                self.redrives.handle(body, lambda: self.seconds_left)

    def planned(self, **filters: Any) -> Redrive:
        """A plan, made."""
        status, made = self.post(**filters)
        assert status == 202, made
        self.work()
        return self.redrive(made["id"])

    def redrive(self, redrive_id: str) -> Redrive:
        found = self.store.found(redrive_id)
        assert found is not None
        return found[0]

    def start(self, redrive_id: str, **more: Any) -> tuple[int, Any]:
        return self.post(dry_run=False, plan_id=redrive_id, **more)

    def started(self, **filters: Any) -> Redrive:
        redrive = self.planned(**filters)
        assert self.start(redrive.id)[0] == 202
        self.work()
        return self.redrive(redrive.id)

    def shown(self) -> list[dict[str, Any]]:
        """Every redrive as the API shows it, the newest first; the function works before."""
        self.work()
        ids = sorted(self.store.redrives, reverse=True)
        return [redrive_json(self.redrive(one), self.now) for one in ids]

    def s3_says(
        self, status: str, tasks: int, succeeded: int, failed: int, reasons: Sequence[str] = ()
    ) -> None:
        """Of every job."""
        for job_id in self.jobs.sights:
            self.jobs.sights[job_id] = JobSight(status, tasks, succeeded, failed, tuple(reasons))

    def changed(self, job_id: str) -> None:
        """S3 sends the event of a job."""
        detail = {"serviceEventDetails": {"jobId": job_id, "status": "Complete"}}
        event = {"detail-type": "AWS Service Event via CloudTrail", "detail": detail}
        self.redrives.handle(json.dumps(event), lambda: self.seconds_left)

    def tick(self, seconds: float = 0) -> None:
        self.now = plus(self.now, seconds)
        self.redrives.handle('{"tick": true}', lambda: self.seconds_left)
        self.work()

    def reported(self, redrive: Redrive, rows: Mapping[str, str | None]) -> str:
        """S3 writes the report of the only job; `rows` are keys with their code, None: succeeded.
        Its URI."""
        (job,) = redrive.jobs
        key = report_key(f"reports/{redrive.id}/{job.bucket}", str(job.job_id))
        lines = [
            f"src,{name},v-{name},{'failed' if code else 'succeeded'},200,{code or ''},"
            for name, code in rows.items()
        ]
        self.reports.objects["rows"] = "\n".join(lines).encode()
        self.reports.objects[key] = json.dumps(
            {
                "Format": "Report_CSV_20180820",
                "ReportCreationDate": "2026-11-22T12:00:00.000Z",
                "Results": [{"Bucket": "jobs", "Key": "rows", "MD5Checksum": "0" * 32}],
                "ReportSchema": "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode,"
                " ResultMessage",
            }
        ).encode()
        return f"s3://jobs/{key}"

    def read_by_backfill(self, uri: str, *, error: str | None = None) -> None:
        """The backfill has read the report, and says so."""
        assert self.backfill.sent == [Request(uri).body]
        run = RunProgress(run_of(uri), uri, files=1, error=error)
        file = FileProgress("jobs", "rows", finished_at=self.now)
        self.runs[run.id] = Progress(run, (file,))
        self.redrives.handle(json.dumps({"report": uri}), lambda: self.seconds_left)


def incident(**more: Any) -> Incident:
    kind = FailureKind("src", "dst-a", "to-dst-a", "DstPutObjectNotPermitted", benign=False)
    return replace(Incident("i1", kind, FAILED_AT, FAILED_AT, FAILED_AT), **more)
