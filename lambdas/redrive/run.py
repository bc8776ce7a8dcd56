"""Starts the jobs of a redrive and follows them to their end.

Everything is read from S3 and the table anew, whatever a message says: messages come late, twice
and in no order. A job is ordered with a token of its redrive and bucket, so an order that is
repeated after a crash makes no second job.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from redrive.life import (
    CancelAsked,
    Event,
    JobCreated,
    JobRefused,
    JobSeen,
    ReportFound,
    ReportRead,
    Tick,
    step,
)
from redrive.messages import plan_message, start_message
from redrive.port import JobMeansOf, Queue, Store
from redrive.report import ReportReader
from replication.errors import Rejected, Unavailable
from replication.published import backfill
from replication.published.backfill import Progress, RunState
from replication.published.redrive import Job, JobState, Redrive, RedriveState
from replication.s3.batch_jobs import JobOrder, NotTaken, report_key
from replication.s3.deliveries import run_of
from replication.times import Instant, plus

log = logging.getLogger(__name__)

STUCK_SECONDS = 20 * 60
"""A plan that nothing was heard of for so long is taken up again: a round lasts 15 minutes."""
_TRIES = 5
_BEFORE = "Cancelled before the job was created"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """See the module.

    store, queue    redrives, and the function's own queue
    places          S3 Batch Operations where each source bucket is
    reports         completion reports
    backfill_queue  the queue of the function that brings reports into the ledger
    progress        how far such a run is; None: it has not begun
    """

    store: Store
    queue: Queue
    places: JobMeansOf
    reports: ReportReader
    backfill_queue: Queue
    progress: Callable[[str], Progress | None]
    now: Callable[[], Instant]

    def happened(self, redrive_id: str, event: Event) -> Redrive | None:
        """Applies the event to the redrive; None when there is none. Unavailable when others keep
        writing it."""
        for _ in range(_TRIES):
            found = self.store.found(redrive_id)
            if found is None:
                return None
            redrive, rev = found
            after = step(redrive, event, self.now())
            if after is redrive or self.store.save(after, rev, self.now()):
                return after
        raise Unavailable(f"redrive {redrive_id} is written by others")

    def start(self, redrive_id: str) -> None:
        """Orders the jobs that were not created yet."""
        redrive = self.happened(redrive_id, Tick())
        if redrive is None or not redrive.state.has_jobs:
            return
        for job in redrive.jobs:
            if job.state is not JobState.PLANNED:
                continue
            found = self.store.found(redrive_id)
            if found is None or found[0].state is not RedriveState.STARTING:
                self.happened(redrive_id, JobRefused(job.bucket, _BEFORE))
                continue
            answer = self.places(job.bucket).jobs.create(order_of(redrive, job))
            if isinstance(answer, NotTaken):
                log.error("job of %s in %s: %s", redrive_id, job.bucket, answer.problem)
                self.happened(redrive_id, JobRefused(job.bucket, answer.problem))
            else:
                self.happened(redrive_id, JobCreated(job.bucket, answer))
        self.follow(redrive_id)

    def follow(self, redrive_id: str) -> None:
        """Reads how far each job is, and has its report read."""
        redrive = self.happened(redrive_id, Tick())
        if redrive is None or not redrive.state.has_jobs:
            return
        for job in redrive.jobs:
            if job.state is JobState.PLANNED and redrive.state is RedriveState.CANCELLING:
                self.happened(redrive_id, JobRefused(job.bucket, _BEFORE))
            if job.state is JobState.RUNNING and job.job_id is not None:
                if redrive.state is RedriveState.CANCELLING:
                    self.places(job.bucket).jobs.cancel(job.job_id)
                job = self._see(redrive_id, job, job.job_id)
            if job.state is JobState.READING and job.job_id is not None:
                self._read(redrive, job, job.job_id)

    def cancel(self, redrive_id: str, by: str) -> Redrive | None:
        return self.happened(redrive_id, CancelAsked(by))

    def follow_job(self, job_id: str) -> None:
        """S3 changed the status of a job, perhaps of another program's."""
        self._follow_those_with(lambda job: job.job_id == job_id)

    def follow_report(self, uri: str) -> None:
        """The backfill has read a report, perhaps another one."""
        self._follow_those_with(lambda job: job.report == uri)

    def tick(self) -> None:
        """Looks after every open redrive, for whatever message was lost or never sent."""
        for redrive_id in self.store.open_ids():
            redrive = self.happened(redrive_id, Tick())
            if redrive is None:
                continue
            if not redrive.state.is_open:
                self.store.close(redrive)
            elif redrive.state is RedriveState.PLANNING:
                kept = self.store.progress(redrive_id)
                last = kept[2] if kept else redrive.created_at
                if plus(last, STUCK_SECONDS) <= self.now():
                    self.queue.send([plan_message(redrive_id)])
            elif redrive.state is RedriveState.STARTING:
                self.queue.send([start_message(redrive_id)])
            else:
                self.follow(redrive_id)

    def _follow_those_with(self, wanted: Callable[[Job], bool]) -> None:
        for redrive_id in self.store.open_ids():
            found = self.store.found(redrive_id)
            if found and any(map(wanted, found[0].jobs)):
                self.follow(redrive_id)

    def _see(self, redrive_id: str, job: Job, job_id: str) -> Job:
        sight = self.places(job.bucket).jobs.describe(job_id)
        event = (
            JobSeen(job.bucket, "Failed", reasons=("S3 knows no such job any more",))
            if sight is None
            else JobSeen(
                job.bucket, sight.status, sight.tasks, sight.succeeded, sight.failed, sight.reasons
            )
        )
        after = self.happened(redrive_id, event)
        return next((one for one in after.jobs if one.bucket == job.bucket), job) if after else job

    def _read(self, redrive: Redrive, job: Job, job_id: str) -> None:
        """Finds the report, has the backfill read it, and notices when that is done."""
        key = report_key(reports_prefix(redrive, job), job_id)
        bucket = self.places(job.bucket).bucket
        uri = f"s3://{bucket}/{key}"
        if job.report is None:
            try:
                summary = self.reports.summary(bucket, key)
            except Rejected as error:
                log.error("the report %s is damaged: %s", uri, error)
                return
            if summary is None:
                return
            event = ReportFound(
                job.bucket, uri, summary.failures, summary.succeeded, summary.failed
            )
            # Noted first: the backfill may be done before this function is.
            self.happened(redrive.id, event)
            self.backfill_queue.send([backfill.Request(uri).body])
            return
        run = self.progress(run_of(uri))
        if run is None:
            self.backfill_queue.send([backfill.Request(uri).body])
        elif run.state is RunState.FINISHED:
            self.happened(redrive.id, ReportRead(job.bucket))
        elif run.state is RunState.FAILED:
            problem = f"The report was not read: {'; '.join(run.troubles)}"[:500]
            self.happened(redrive.id, ReportRead(job.bucket, problem))


def order_of(redrive: Redrive, job: Job) -> JobOrder:
    """The same order whenever it is made. A token has at most 64 characters."""
    number = [one.bucket for one in redrive.jobs].index(job.bucket)
    return JobOrder(
        token=f"{redrive.id}-{number}",
        description=f"S3 replication tracker: redrive {redrive.id}, {job.versions} versions",
        manifest=job.manifest,
        etag=job.etag,
        reports=reports_prefix(redrive, job),
    )


def reports_prefix(redrive: Redrive, job: Job) -> str:
    return f"reports/{redrive.id}/{job.bucket}"
