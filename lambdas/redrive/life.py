"""The life of a redrive: what happens to it, and which state that leads to. Pure and total: what
does not fit its state changes nothing, so a message that comes twice or late does no harm.

    planning ──► planned ──► starting ──► running ──► completed
        │           │  │         │           │  └────► stopped
        └► refused  │  └► expired└───────────┴──► cancelling ──► cancelled
                    └───────────────────────────► cancelled
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from replication.published.redrive import (
    Job,
    JobState,
    Redrive,
    RedriveState,
    Refusal,
    Share,
)
from replication.times import Instant, plus

PLAN_SECONDS = 24 * 3_600
"""How long a plan can be started: what fails changes, and S3 keeps a job's token for a while."""
REPORT_SECONDS = 3_600
"""How long after its job's end a report is awaited."""
ENDED = {"Complete": None, "Failed": "S3 gave the job up", "Cancelled": "The job was cancelled"}
"""S3's statuses of jobs that have ended; with what that means, unless it is well."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Every manifest is stored."""

    jobs: tuple[Job, ...]
    left_out: tuple[Share, ...]
    concerns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The plan cannot be made."""

    refusal: Refusal
    left_out: tuple[Share, ...] = ()
    concerns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StartAsked:
    by: str
    why: str | None = None


@dataclass(frozen=True, slots=True)
class CancelAsked:
    by: str


@dataclass(frozen=True, slots=True)
class JobCreated:
    bucket: str
    job_id: str


@dataclass(frozen=True, slots=True)
class JobRefused:
    """S3 did not take the job, or it was not created because the redrive was cancelled."""

    bucket: str
    problem: str


@dataclass(frozen=True, slots=True)
class JobSeen:
    """DescribeJob."""

    bucket: str
    status: str
    tasks: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    reasons: tuple[str, ...] = ()
    """Why S3 gave it up."""


@dataclass(frozen=True, slots=True)
class ReportFound:
    bucket: str
    report: str
    failures: tuple[Share, ...]
    succeeded: int
    failed: int


@dataclass(frozen=True, slots=True)
class ReportRead:
    """The rows of the report are in the ledger; `problem`: some are not."""

    bucket: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by."""


Event = (
    Planned
    | Refused
    | StartAsked
    | CancelAsked
    | JobCreated
    | JobRefused
    | JobSeen
    | ReportFound
    | ReportRead
    | Tick
)


def step(redrive: Redrive, event: Event, now: Instant) -> Redrive:
    """The redrive after the event; the same one when it changes nothing."""
    after = _settled(_happened(_expired(redrive, now), event, now), now)
    return redrive if after == redrive else replace(after, updated_at=now)


def _happened(redrive: Redrive, event: Event, now: Instant) -> Redrive:
    state = redrive.state
    match event:
        case Planned() if state is RedriveState.PLANNING and event.jobs:
            return replace(
                redrive,
                state=RedriveState.PLANNED,
                jobs=event.jobs,
                left_out=event.left_out,
                concerns=event.concerns,
                expires_at=plus(now, PLAN_SECONDS),
            )
        case Refused() if state is RedriveState.PLANNING:
            return replace(
                redrive,
                state=RedriveState.REFUSED,
                refusal=event.refusal,
                left_out=event.left_out,
                concerns=event.concerns,
                ended_at=now,
            )
        case StartAsked() if state is RedriveState.PLANNED:
            return replace(
                redrive,
                state=RedriveState.STARTING,
                started_at=now,
                started_by=event.by,
                why=event.why or redrive.why,
            )
        case CancelAsked() if state in (RedriveState.PLANNING, RedriveState.PLANNED):
            cancelled = replace(redrive, cancelled_at=now, cancelled_by=event.by, ended_at=now)
            return replace(cancelled, state=RedriveState.CANCELLED)
        case CancelAsked() if state in (RedriveState.STARTING, RedriveState.RUNNING):
            cancelled = replace(redrive, cancelled_at=now, cancelled_by=event.by)
            return replace(cancelled, state=RedriveState.CANCELLING)
        case JobCreated() | JobRefused() | JobSeen() | ReportFound() | ReportRead() if (
            state.has_jobs
        ):
            return _with_job(redrive, event.bucket, lambda job: _job(job, event, now))
        case Tick() if state.has_jobs:
            return replace(redrive, jobs=tuple(_overdue(job, now) for job in redrive.jobs))
        case _:
            return redrive


def _with_job(redrive: Redrive, bucket: str, change: Callable[[Job], Job]) -> Redrive:
    jobs = (change(job) if job.bucket == bucket else job for job in redrive.jobs)
    return replace(redrive, jobs=tuple(jobs))


def _job(job: Job, event: Event, now: Instant) -> Job:
    match event, job.state:
        case JobCreated(), JobState.PLANNED:
            return replace(job, state=JobState.RUNNING, job_id=event.job_id)
        case JobRefused(), JobState.PLANNED:
            return replace(job, state=JobState.STOPPED, problem=event.problem, ended_at=now)
        case JobSeen(), JobState.RUNNING:
            return _seen(job, event, now)
        case ReportFound(), JobState.READING if job.report is None:
            return replace(
                job,
                report=event.report,
                failures=event.failures,
                succeeded=event.succeeded,
                failed=event.failed,
            )
        case ReportRead(), JobState.READING if job.report is not None:
            problem = job.problem or event.problem
            return replace(
                job, state=JobState.STOPPED if problem else JobState.DONE, problem=problem
            )
        case _:
            return job


def _seen(job: Job, event: JobSeen, now: Instant) -> Job:
    job = replace(
        job,
        status=event.status,
        # S3 shows no counts while it prepares a job; what it once showed stays.
        tasks=job.tasks if event.tasks is None else event.tasks,
        succeeded=job.succeeded if event.succeeded is None else event.succeeded,
        failed=job.failed if event.failed is None else event.failed,
    )
    if event.status not in ENDED:
        return job
    problem = ENDED[event.status]
    if problem and event.reasons:
        problem = f"{problem}: {'; '.join(event.reasons)}"
    # S3 writes no report for a job of which it tried no task.
    untried = problem is not None and not (job.succeeded or job.failed)
    return replace(
        job,
        state=JobState.STOPPED if untried else JobState.READING,
        problem=problem,
        ended_at=now,
    )


def _overdue(job: Job, now: Instant) -> Job:
    waits = job.state is JobState.READING and job.report is None and job.ended_at is not None
    if not waits or now < plus(job.ended_at or now, REPORT_SECONDS):
        return job
    missing = (
        "S3 wrote no report within an hour of the job's end; what it replicated is found by its"
        " arrival, and by reconciliation"
    )
    problem = f"{job.problem}. {missing}" if job.problem else missing
    return replace(job, state=JobState.STOPPED, problem=problem)


def _expired(redrive: Redrive, now: Instant) -> Redrive:
    over = redrive.expires_at is not None and now >= redrive.expires_at
    if redrive.state is not RedriveState.PLANNED or not over:
        return redrive
    return replace(redrive, state=RedriveState.EXPIRED, ended_at=now)


def _settled(redrive: Redrive, now: Instant) -> Redrive:
    """The state that follows from the jobs."""
    if not redrive.state.has_jobs:
        return redrive
    cancelled = redrive.state is RedriveState.CANCELLING
    states = [job.state for job in redrive.jobs]
    if all(state.has_ended for state in states):
        end = RedriveState.STOPPED if JobState.STOPPED in states else RedriveState.COMPLETED
        return replace(redrive, state=RedriveState.CANCELLED if cancelled else end, ended_at=now)
    if redrive.state is RedriveState.STARTING and JobState.PLANNED not in states:
        return replace(redrive, state=RedriveState.RUNNING)
    return redrive
