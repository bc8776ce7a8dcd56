"""The life of a redrive: whatever happens in whatever order, it makes sense."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from redrive.life import (
    PLAN_SECONDS,
    REPORT_SECONDS,
    CancelAsked,
    Event,
    JobCreated,
    JobRefused,
    JobSeen,
    Planned,
    Refused,
    ReportFound,
    ReportRead,
    StartAsked,
    Tick,
    step,
)
from replication.published.redrive import (
    Job,
    JobState,
    Named,
    Redrive,
    RedriveState,
    Refusal,
    Selection,
    Share,
    Written,
    decode,
    encode,
)
from replication.times import Instant, plus

NOW = Instant("2026-11-22T09:00:00.000Z")
FINAL = {
    RedriveState.REFUSED,
    RedriveState.EXPIRED,
    RedriveState.CANCELLED,
    RedriveState.STOPPED,
    RedriveState.COMPLETED,
}


def job(bucket: str = "src") -> Job:
    return Job(bucket, 2, 10, 0, (Written("dst", 2, 10),), f"m/{bucket}.csv", "etag")


def fresh() -> Redrive:
    return Redrive("r1", NOW, "arn:me", Selection())


PLANNED = Planned((job("a"), job("b")), (Share("gone", 1, (Named("a", "k", "v"),)),))

buckets = st.sampled_from(["a", "b", "other"])
statuses = st.sampled_from(
    ["New", "Preparing", "Active", "Complete", "Failed", "Cancelled", "Suspended", "Unheard"]
)
counts = st.none() | st.integers(0, 3)
events: st.SearchStrategy[Event] = st.one_of(
    st.just(PLANNED),
    st.just(Planned((), ())),
    st.just(Refused(Refusal("nothing-to-do", "none"))),
    st.just(StartAsked("arn:me")),
    st.just(CancelAsked("arn:me")),
    st.builds(JobCreated, buckets, st.sampled_from(["j1", "j2"])),
    st.builds(JobRefused, buckets, st.just("no")),
    st.builds(JobSeen, buckets, statuses, counts, counts, counts, st.just(("because",))),
    st.builds(ReportFound, buckets, st.just("s3://b/m"), st.just(()), st.just(1), st.just(0)),
    st.builds(ReportRead, buckets, st.none() | st.just("not read")),
    st.just(Tick()),
)


@given(st.lists(st.tuples(events, st.integers(0, 2 * PLAN_SECONDS)), max_size=30))
def test_whatever_happens_the_redrive_makes_sense(happened: list[tuple[Event, int]]) -> None:
    redrive, now = fresh(), NOW
    ids: dict[str, str] = {}
    for event, seconds in happened:
        now = plus(now, seconds)
        after = step(redrive, event, now)
        assert step(after, event, now) in (after, step(after, event, now))
        if redrive.state in FINAL:
            assert after is redrive, "an end is an end"
        assert (after.ended_at is not None) is (after.state in FINAL)
        assert after.state.is_open is (after.state not in FINAL)
        if after.state.has_jobs or after.state is RedriveState.COMPLETED:
            assert after.started_at
            assert after.jobs
        for one in after.jobs:
            if one.job_id is not None:
                assert ids.setdefault(one.bucket, one.job_id) == one.job_id, "a job stays the job"
            assert (one.state is JobState.STOPPED) <= (one.problem is not None)
        if after.state is RedriveState.COMPLETED:
            assert {one.state for one in after.jobs} == {JobState.DONE}
        assert decode(encode(after)) == after
        redrive = after


@given(events, st.sampled_from(list(RedriveState)))
def test_it_is_total_and_a_repeat_changes_nothing(event: Event, state: RedriveState) -> None:
    redrive = replace(fresh(), state=state, jobs=(job("a"), job("b")), started_at=NOW)
    once = step(redrive, event, NOW)
    assert step(once, event, NOW) == once


def after(*happened: Event, redrive: Redrive | None = None, now: Instant = NOW) -> Redrive:
    found = redrive or fresh()
    for event in happened:
        found = step(found, event, now)
    return found


RUNNING = (
    PLANNED,
    StartAsked("arn:me"),
    JobCreated("a", "j1"),
    JobCreated("b", "j2"),
)


def done(bucket: str) -> tuple[Event, ...]:
    return (
        JobSeen(bucket, "Complete", 2, 2, 0),
        ReportFound(bucket, "s3://b/m", (), 2, 0),
        ReportRead(bucket),
    )


def test_the_usual_life() -> None:
    assert after(PLANNED).state is RedriveState.PLANNED
    assert after(PLANNED).expires_at == plus(NOW, PLAN_SECONDS)
    assert after(*RUNNING[:3]).state is RedriveState.STARTING
    assert after(*RUNNING).state is RedriveState.RUNNING
    assert after(*RUNNING, *done("a")).state is RedriveState.RUNNING
    assert after(*RUNNING, *done("a"), *done("b")).state is RedriveState.COMPLETED


def test_a_plan_expires_and_cannot_be_started_then() -> None:
    late = plus(NOW, PLAN_SECONDS)
    assert step(after(PLANNED), StartAsked("me"), late).state is RedriveState.EXPIRED


def test_a_job_cancelled_in_the_console_before_its_first_task_stops_the_redrive() -> None:
    found = after(*RUNNING, JobSeen("a", "Cancelled", 2, 0, 0), *done("b"))
    assert found.state is RedriveState.STOPPED
    assert found.jobs[0].problem == "The job was cancelled"


def test_the_report_of_a_cancelled_job_is_read_when_it_tried_something() -> None:
    found = after(*RUNNING, *done("b"), JobSeen("a", "Cancelled", 2, 1, 0))
    assert found.state is RedriveState.RUNNING
    found = after(ReportFound("a", "s3://b/a", (), 1, 0), ReportRead("a"), redrive=found)
    assert found.state is RedriveState.STOPPED
    assert found.jobs[0].succeeded == 1


def test_a_job_that_s3_refuses_leaves_the_others_alone() -> None:
    begun = after(PLANNED, StartAsked("me"), JobRefused("a", "AccessDenied"), JobCreated("b", "j"))
    assert begun.state is RedriveState.RUNNING
    assert after(*done("b"), redrive=begun).state is RedriveState.STOPPED


def test_a_report_that_never_comes_ends_it_with_a_reason() -> None:
    waiting = after(*RUNNING, *done("a"), JobSeen("b", "Complete", 2, 2, 0))
    assert step(waiting, Tick(), plus(NOW, REPORT_SECONDS - 1)) is waiting
    over = step(waiting, Tick(), plus(NOW, REPORT_SECONDS))
    assert over.state is RedriveState.STOPPED
    assert "no report" in str(over.jobs[1].problem)


def test_a_cancelled_redrive_ends_when_its_jobs_have() -> None:
    cancelling = after(*RUNNING, CancelAsked("me"))
    assert cancelling.state is RedriveState.CANCELLING
    seen = JobSeen("a", "Cancelled", 2, 0, 0), JobSeen("b", "Cancelled", 2, 0, 0)
    assert after(*seen, redrive=cancelling).state is RedriveState.CANCELLED


def test_a_plan_is_cancelled_at_once() -> None:
    assert after(PLANNED, CancelAsked("me")).state is RedriveState.CANCELLED
    assert after(CancelAsked("me"), PLANNED).state is RedriveState.CANCELLED
