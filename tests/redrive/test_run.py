"""From the start of a plan to the end of its jobs, with messages lost, late and twice."""

import pytest

from replication.errors import Unavailable
from replication.published.redrive import JobState, RedriveState
from replication.published.redrive_json import redrive_json
from tests.redrive.world import NOW, World
from tests.support.fakes import history, rule


@pytest.fixture
def world() -> World:
    world = World()
    world.fails("k1")
    world.fails("k2")
    return world


def test_a_redrive_runs_to_its_end(world: World) -> None:
    redrive = world.started(bucket="src")
    assert redrive.state is RedriveState.RUNNING
    (order,) = {one.token: one for one in world.jobs.orders}.values()
    assert order.manifest == redrive.jobs[0].manifest
    assert order.etag == redrive.jobs[0].etag
    assert len(order.token) <= 64

    world.s3_says("Active", 2, 1, 0)
    world.changed("job-0")
    assert world.redrive(redrive.id).jobs[0].succeeded == 1
    uri = world.reported(redrive, {"k1": None, "k2": "DstKmsKeyNotFound"})
    world.s3_says("Complete", 2, 1, 1)
    world.changed("job-0")
    assert world.redrive(redrive.id).state is RedriveState.RUNNING, "the report is being read"
    world.read_by_backfill(uri)
    done = world.redrive(redrive.id)
    assert done.state is RedriveState.COMPLETED
    (failures,) = redrive_json(done, NOW)["jobs"][0]["failures"]
    assert failures["failure"]["code"] == "DstKmsKeyNotFound"
    assert failures["failure"]["fix"]
    assert [one["key"] for one in failures["samples"]] == ["k2"]
    assert not world.store.open
    assert not world.store.holders


def test_a_repeated_start_orders_no_second_job(world: World) -> None:
    redrive = world.started(bucket="src")
    for _ in range(2):
        status, found = world.start(redrive.id)
        assert (status, found["id"]) == (202, redrive.id)
        world.work()
    assert len(world.jobs.by_token) == 1


def test_a_crash_after_the_order_orders_the_same_job_again(world: World) -> None:
    plan = world.planned(bucket="src")
    world.start(plan.id)
    (body,) = world.queue.sent
    world.store.conflicts = 100
    with pytest.raises(Unavailable):
        world.redrives.handle(body, lambda: 900)
    world.store.conflicts = 0
    assert world.jobs.orders
    world.work()
    assert len(world.jobs.by_token) == 1
    assert world.redrive(plan.id).jobs[0].job_id == "job-0"


def test_one_job_for_each_source_bucket(world: World) -> None:
    world.histories["other"] = history("other", rule("dst-a"))
    for item in list(world.items.items):
        version = item.version.in_bucket("other")
        world.items.items.append(type(item)(version, "dst-a", item.record))
        world.objects.heads[version] = world.objects.heads[item.version]
    redrive = world.started()
    assert [job.bucket for job in redrive.jobs] == ["other", "src"]
    assert len(world.jobs.by_token) == 2


def test_a_bucket_has_one_redrive_at_a_time(world: World) -> None:
    first, second = world.planned(bucket="src"), world.planned(bucket="src")
    assert world.start(first.id)[0] == 202
    status, problem = world.start(second.id)
    assert status == 409
    assert first.id in problem["detail"]
    world.work()
    world.s3_says("Failed", 2, 0, 0, reasons=("ManifestChanged: x",))
    world.tick()
    assert world.start(second.id)[0] == 202


def test_the_claim_of_a_crashed_start_is_no_obstacle(world: World) -> None:
    first, second = world.planned(bucket="src"), world.planned(bucket="src")
    world.store.holders["src"] = first.id  # it was claimed, and never started
    assert world.start(second.id)[0] == 202


def test_a_job_that_s3_refuses_ends_with_the_reason(world: World) -> None:
    world.jobs.refusal = "S3 refused the job: AccessDenied"
    redrive = world.started(bucket="src")
    assert redrive.state is RedriveState.STOPPED
    assert redrive.jobs[0].problem == "S3 refused the job: AccessDenied"
    assert not world.store.holders


def test_what_no_event_says_a_tick_finds(world: World) -> None:
    redrive = world.started(bucket="src")
    uri = world.reported(redrive, {"k1": None, "k2": None})
    world.s3_says("Complete", 2, 2, 0)
    world.tick(60)
    world.backfill.sent = world.backfill.sent[:1]
    world.read_by_backfill(uri)
    assert world.redrive(redrive.id).state is RedriveState.COMPLETED


def test_a_lost_start_is_made_up_for(world: World) -> None:
    plan = world.planned(bucket="src")
    world.start(plan.id)
    world.queue.sent.clear()
    world.tick(60)
    assert world.redrive(plan.id).state is RedriveState.RUNNING


def test_a_report_that_never_comes_is_said(world: World) -> None:
    redrive = world.started(bucket="src")
    world.s3_says("Complete", 2, 2, 0)
    world.tick(60)
    assert world.redrive(redrive.id).jobs[0].state is JobState.READING
    world.tick(3_600)
    stopped = world.redrive(redrive.id)
    assert stopped.state is RedriveState.STOPPED
    assert "no report" in str(stopped.jobs[0].problem)


def test_a_report_that_the_backfill_gives_up_is_said(world: World) -> None:
    redrive = world.started(bucket="src")
    uri = world.reported(redrive, {"k1": None, "k2": None})
    world.s3_says("Complete", 2, 2, 0)
    world.changed("job-0")
    world.read_by_backfill(uri, error="wrong-md5")
    stopped = world.redrive(redrive.id)
    assert stopped.state is RedriveState.STOPPED
    assert "wrong-md5" in str(stopped.jobs[0].problem)


def test_cancelled_before_its_job_was_ordered(world: World) -> None:
    plan = world.planned(bucket="src")
    world.start(plan.id)
    assert world.request("DELETE", f"/v1/redrives/{plan.id}")[1]["state"] == "cancelling"
    world.work()
    assert world.redrive(plan.id).state is RedriveState.CANCELLED
    assert not world.jobs.orders


def test_cancelled_while_s3_works(world: World) -> None:
    redrive = world.started(bucket="src")
    assert world.request("DELETE", f"/v1/redrives/{redrive.id}")[0] == 202
    world.work()
    assert "job-0" in world.jobs.cancelled
    world.s3_says("Cancelled", 2, 0, 0)
    world.changed("job-0")
    assert world.redrive(redrive.id).state is RedriveState.CANCELLED
    assert world.request("DELETE", f"/v1/redrives/{redrive.id}")[0] == 202, "again, the same"


def test_a_job_of_somebody_else_is_no_matter(world: World) -> None:
    redrive = world.started(bucket="src")
    world.changed("theirs")
    assert world.redrive(redrive.id) == redrive


def test_a_job_that_s3_forgot_is_said(world: World) -> None:
    redrive = world.started(bucket="src")
    world.jobs.sights.clear()
    world.tick()
    assert world.redrive(redrive.id).state is RedriveState.STOPPED
