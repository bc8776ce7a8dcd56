"""The shapes of redrives."""

from pydantic import Field

from query.schema import Failure, Listing, Schema, Time
from replication.published.redrive import JobState, RedriveState


class Selection(Schema):
    """Which FAILED versions; null is any."""

    bucket: str | None = Field(default=None, description="Source bucket")
    destination: str | None = Field(default=None, description="Destination bucket")
    rule_id: str | None = Field(default=None, description="The replication rule")
    code: str | None = Field(default=None, description="S3's failure reason")
    prefix: str | None = Field(default=None, description="Keys that begin so")
    since: Time | None = Field(default=None, description="FAILED since then or later")
    until: Time | None = Field(default=None, description="FAILED since before then")
    incident_id: str | None = Field(
        default=None, description="The incident whose bucket, destination, rule and code these are"
    )


class RedriveRequest(Selection):
    """What POST takes: filters of a plan, or the start of a plan."""

    dry_run: bool = Field(default=True, description="True: a plan; false: the start of `plan_id`")
    plan_id: str | None = Field(default=None, description="The plan to start")
    force: bool = Field(
        default=False, description="Insist although the cause of the failures seems to stand open"
    )
    since: str | None = Field(
        default=None, description="FAILED since then or later; RFC 3339 with any offset"
    )
    until: str | None = Field(
        default=None, description="FAILED since before then; RFC 3339 with any offset"
    )


class Version(Schema):
    """An object version."""

    bucket: str = Field(description="Source bucket")
    key: str = Field(description="Object key")
    version_id: str = Field(description="S3's version id")


class Refusal(Schema):
    """Why a plan cannot be started."""

    code: str = Field(
        description="`cause-stands-open`, `nothing-to-do`, `too-many-versions` or"
        " `manifest-changed`"
    )
    detail: str = Field(description="The same for a person, with what to do")


class Written(Schema):
    """What the jobs may write into one destination."""

    bucket: str = Field(description="Destination bucket")
    versions: int = Field(ge=0, description="Versions that the rules may replicate there")
    bytes: int | None = Field(ge=0, description="Their size; null when one is not known")


class Cost(Schema):
    """US dollars, at the list prices of us-east-1, November 2026."""

    jobs: float = Field(description="$0.25 a job")
    objects: float = Field(description="$1.00 a million versions")
    requests: float = Field(description="$0.005 a thousand writes, at every destination")
    transfer: float | None = Field(
        description="$0.02 a GB, as if every destination were in another Region; within a Region"
        " there is no charge. Null when a size is not known"
    )
    total: float | None = Field(description="The sum; null when the transfer is")


class LeftOut(Schema):
    """FAILED versions that fit the filters and that no job can replicate."""

    reason: str = Field(
        description="`gone`, `archived`, `locked`, `delete_marker`, `no_rule`, `attempts`,"
        " `elsewhere` or `replicated`"
    )
    count: int = Field(ge=0, description="How many")
    explanation: str = Field(description="Why, and what can be done")
    samples: list[Version] = Field(description="The first ten")


class TaskFailures(Schema):
    """Tasks that failed with one code."""

    failure: Failure = Field(description="The code, and what to do")
    count: int = Field(ge=0, description="How many")
    samples: list[Version] = Field(description="The first ten")


class Job(Schema):
    """The job in one source bucket."""

    bucket: str = Field(description="Source bucket")
    state: JobState = Field(description="How far it is")
    versions: int = Field(ge=0, description="Versions in its manifest")
    job_id: str | None = Field(description="S3's id; null until it is created")
    status: str | None = Field(description="As S3 has it")
    tasks: int | None = Field(description="Tasks; null until S3 has read the manifest")
    succeeded: int | None = Field(description="Tasks that succeeded so far")
    failed: int | None = Field(description="Tasks that failed so far")
    ended_at: Time | None = Field(description="When it was seen to have ended in S3")
    report: str | None = Field(description="S3 URI of its report's manifest")
    problem: str | None = Field(description="Why it was stopped")
    failures: list[TaskFailures] = Field(description="The tasks that failed, by code")


class Redrive(Schema):
    """FAILED versions that S3 Batch Operations replicates once more."""

    id: str = Field(description="Its id; the id of its plan as well")
    state: RedriveState = Field(description="How far it is")
    created_at: Time = Field(description="When the plan was asked for")
    created_by: str = Field(description="ARN of who asked for it")
    updated_at: Time | None = Field(description="The last change")
    expires_at: Time | None = Field(description="Until when the plan can be started")
    selection: Selection = Field(description="Which versions")
    force: bool = Field(description="It was planned although its cause may stand open")
    concerns: list[str] = Field(description="What of the cause stands open, when it was forced")
    refusal: Refusal | None = Field(description="Why it cannot be started")
    versions: int | None = Field(description="Versions in all jobs; null until it is planned")
    bytes: int | None = Field(description="Their size; null when one is not known")
    destinations: list[Written] = Field(
        description="Every destination the jobs may write: S3 replicates a version to all that its"
        " rules name now, not only to the one that failed"
    )
    estimated_cost_usd: Cost | None = Field(description="The most it may cost")
    left_out: list[LeftOut] = Field(description="Versions that are not in the jobs, by the reason")
    jobs: list[Job] = Field(description="One for each source bucket")
    started_at: Time | None = Field(description="When it was started")
    started_by: str | None = Field(description="ARN of who started it")
    cancelled_at: Time | None = Field(description="When it was cancelled")
    cancelled_by: str | None = Field(description="ARN of who cancelled it")
    ended_at: Time | None = Field(description="When nothing more could happen")
    why: str | None = Field(description="The rule by which the tracker started it by itself")
    api_path: str = Field(description="Path of this redrive")


class Redrives(Listing[Redrive]):
    """Plans and redrives, the newest first."""
