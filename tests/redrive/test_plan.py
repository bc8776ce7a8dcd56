"""Plans: exactly the versions that failed, what is left out, and rounds that go on."""

import csv
import io
from dataclasses import replace
from urllib.parse import unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redrive import manifest
from replication.published.redrive import Redrive, RedriveState
from replication.published.redrive_json import LEFT_OUT, redrive_json
from replication.s3.bucket_setup import Finding, Severity
from replication.s3.version import ObjectVersion
from replication.times import plus
from tests.redrive.world import FAILED_AT, NOW, World, incident
from tests.support.fakes import history, rule


@pytest.fixture
def world() -> World:
    return World()


def rows(world: World, redrive: Redrive) -> list[str]:
    """Keys in the manifest of the only job."""
    (job,) = redrive.jobs
    text = world.manifests.objects[job.manifest].decode()
    return [row[1] for row in csv.reader(io.StringIO(text))]


def test_a_plan_has_exactly_what_failed_and_prices_all_that_may_be_written(world: World) -> None:
    for number in range(3):
        world.fails(f"both/{number}", "dst-b")
    plan = world.planned(bucket="src", destination="dst-b")
    assert plan.state is RedriveState.PLANNED
    assert sorted(rows(world, plan)) == ["both/0", "both/1", "both/2"]
    shown = redrive_json(plan, NOW)
    assert (shown["versions"], shown["bytes"]) == (3, 30)
    # S3 replicates a version to every destination of its rules.
    assert [(one["bucket"], one["versions"], one["bytes"]) for one in shown["destinations"]] == [
        ("dst-a", 3, 30),
        ("dst-b", 3, 30),
    ]
    assert shown["estimated_cost_usd"]["jobs"] == 0.25
    assert shown["estimated_cost_usd"]["requests"] == pytest.approx(6 * 0.005 / 1_000)


def test_a_version_that_failed_at_two_destinations_is_one_row(world: World) -> None:
    world.fails("both/k", "dst-a")
    world.items.items.append(world.items.items[0])
    world.items.items[-1] = type(world.items.items[0])(
        world.items.items[0].version, "dst-b", world.items.items[0].record
    )
    assert rows(world, world.planned(bucket="src")) == ["both/k"]


@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        ({}, ["a/1", "b/1"]),
        ({"prefix": "a/"}, ["a/1"]),
        ({"code": "DstKmsKeyNotFound"}, ["b/1"]),
        ({"rule_id": "to-dst-a"}, ["a/1", "b/1"]),
        ({"since": FAILED_AT}, ["a/1", "b/1"]),
    ],
)
def test_filters(world: World, filters: dict[str, str], keys: list[str]) -> None:
    world.fails("a/1")
    world.fails("b/1", code="DstKmsKeyNotFound")
    assert sorted(rows(world, world.planned(**filters))) == keys


def test_the_incident_names_bucket_destination_rule_and_code(world: World) -> None:
    world.incidents.incidents = [incident()]
    world.fails("k")
    world.fails("other", code="DstKmsKeyNotFound")
    plan = world.planned(incident_id="i1")
    assert rows(world, plan) == ["k"]
    assert plan.selection.bucket == "src"


def test_what_no_job_can_replicate_is_left_out_and_named(world: World) -> None:
    world.histories["src"] = history("src", rule("dst-a", "in/"))
    world.locks["dst-a"] = False
    world.fails("in/good")
    gone = world.fails("in/gone")
    del world.objects.heads[gone]
    world.fails("in/marker", delete_marker=True)
    world.fails("in/archived", archived=True)
    world.fails("in/locked", locked=True)
    world.fails("in/there", replication_status="COMPLETED")
    world.fails("out/k")
    plan = world.planned()
    assert rows(world, plan) == ["in/good"]
    assert {one.name: [v.key for v in one.samples] for one in plan.left_out} == {
        "gone": ["in/gone"],
        "delete_marker": ["in/marker"],
        "archived": ["in/archived"],
        "locked": ["in/locked"],
        "replicated": ["in/there"],
        "no_rule": ["out/k"],
    }
    assert {one.name for one in plan.left_out} == set(LEFT_OUT) - {"attempts", "elsewhere"}


@pytest.mark.parametrize("lock", [True, None])
def test_a_locked_version_goes_where_object_lock_is_or_may_be(
    world: World, lock: bool | None
) -> None:
    world.locks["dst-a"] = lock
    world.fails("k", locked=True)
    assert rows(world, world.planned()) == ["k"]


def test_what_the_tracker_may_not_read_is_in_the_plan(world: World) -> None:
    world.fails("k")
    world.objects.denied.add("src")
    assert rows(world, world.planned()) == ["k"]


def with_buckets(world: World, *names: str) -> None:
    for name in names:
        world.histories[name] = history(name, rule("dst-a"))


def test_a_plan_for_a_bucket_where_no_jobs_can_be_made_is_refused_with_what_to_do(
    world: World,
) -> None:
    with_buckets(world, "out-of-reach")
    world.fails("k", bucket="out-of-reach")
    plan = world.planned(bucket="out-of-reach")
    assert (plan.state, plan.jobs) == (RedriveState.REFUSED, ())
    assert plan.refusal is not None
    assert plan.refusal.code == "no-jobs-there"
    assert "redrive = true" in plan.refusal.detail
    status, problem = world.start(plan.id)
    assert (status, problem["detail"]) == (409, plan.refusal.detail)


def test_a_plan_for_all_buckets_names_what_is_out_of_reach(world: World) -> None:
    with_buckets(world, "out-of-reach")
    world.fails("k")
    world.fails("there", bucket="out-of-reach")
    growing = incident(last_failed_at=plus(NOW, -60))
    there = replace(growing.kind, bucket="out-of-reach")
    world.incidents.incidents = [replace(growing, kind=there)]
    plan = world.planned()
    assert rows(world, plan) == ["k"]
    assert [(one.name, [v.key for v in one.samples]) for one in plan.left_out] == [
        ("elsewhere", ["there"])
    ]


def test_each_bucket_has_its_manifest_and_job_where_it_is(world: World) -> None:
    with_buckets(world, "far")
    world.fails("k")
    world.fails("there", bucket="far")
    redrive = world.started()
    assert [one.bucket for one in redrive.jobs] == ["far", "src"]
    ((far, body),) = world.far_manifests.objects.items()
    assert body == b"far,there,v-there\n"
    assert {one.manifest for one in world.far_jobs.orders} == {far}
    assert {one.manifest for one in world.jobs.orders} == {*world.manifests.objects}
    world.start(redrive.id)
    assert world.request("DELETE", f"/v1/redrives/{redrive.id}")[0] == 202
    world.work()
    assert world.far_jobs.cancelled
    assert world.jobs.cancelled


def test_an_empty_plan_is_refused(world: World) -> None:
    plan = world.planned()
    assert plan.refusal is not None
    assert plan.refusal.code == "nothing-to-do"
    assert world.start(plan.id)[0] == 409


def test_a_plan_over_the_limit_is_refused_and_its_upload_dropped(world: World) -> None:
    world.most_versions, world.part_bytes = 1_200, 1_000
    for number in range(1_300):
        world.fails(f"{number:04}")
    plan = world.planned()
    assert plan.refusal is not None
    assert plan.refusal.code == "too-many-versions"
    assert world.manifests.aborted
    assert not world.manifests.uploads


def test_while_the_incident_grows_the_plan_is_refused_unless_forced(world: World) -> None:
    world.fails("k")
    world.incidents.incidents = [incident(last_failed_at=plus(NOW, -60))]
    plan = world.planned()
    assert plan.refusal is not None
    assert plan.refusal.code == "cause-stands-open"
    assert "Incident i1 still grows" in plan.refusal.detail
    forced = world.planned(force=True)
    assert forced.state is RedriveState.PLANNED
    assert "Incident i1" in forced.concerns[0]


@pytest.mark.parametrize(
    "mended",
    [
        {"recovered_at": plus(NOW, -30)},
        {"last_failed_at": plus(NOW, -3_600)},
        {"resolved_at": plus(NOW, -30)},
    ],
)
def test_an_arrival_or_quiet_shows_that_the_cause_is_mended(
    world: World, mended: dict[str, object]
) -> None:
    world.fails("k")
    world.incidents.incidents = [incident(**{"last_failed_at": plus(NOW, -60), **mended})]
    assert world.planned().state is RedriveState.PLANNED


def test_an_error_of_the_doctor_about_the_route_refuses(world: World) -> None:
    world.fails("k")
    world.findings = [Finding("dst-a", "versioning", Severity.ERROR, "Suspended.", "Enable it.")]
    plan = world.planned()
    assert plan.refusal is not None
    assert "dst-a: Suspended. Enable it." in plan.refusal.detail
    world.findings = [
        Finding("elsewhere", "versioning", Severity.ERROR, "Suspended.", "Enable it."),
        Finding("src", "metrics", Severity.ERROR, "None.", "Turn them on."),
        Finding("dst-a", "kms", Severity.WARNING, "Perhaps.", "Look."),
    ]
    assert world.planned().state is RedriveState.PLANNED


def test_the_cause_is_looked_at_again_when_a_plan_is_started(world: World) -> None:
    world.fails("k")
    plan = world.planned()
    world.incidents.incidents = [incident(last_failed_at=plus(NOW, -1))]
    status, problem = world.start(plan.id)
    assert status == 409
    assert "still grows" in problem["detail"]
    assert world.start(plan.id, force=True)[0] == 202


def test_rounds_go_on_where_the_last_one_ended_and_hold_one_part_at_most(world: World) -> None:
    world.part_bytes = 20_000
    written = [world.fails(f"{'x' * 50}/{number:05}").key for number in range(3_000)]
    world.seconds_left = 0  # every message makes no page: then one at a time
    _, made = world.post(bucket="src")
    left = iter([0.0])

    def seconds() -> float:
        """Time for one page, then none."""
        nonlocal left
        return next(left, 0)

    rounds = 0
    while world.queue.sent:
        body = world.queue.sent.pop()
        left = iter([900])
        world.redrives.handle(body, seconds)
        rounds += 1
    plan = world.redrive(made["id"])
    assert plan.state is RedriveState.PLANNED
    assert sorted(rows(world, plan)) == sorted(written)
    assert rounds > 5
    assert world.manifests.most < 2 * world.part_bytes + 500 * 80


def test_a_crash_between_two_parts_repeats_what_was_not_noted(world: World) -> None:
    world.part_bytes = 1_000
    written = [world.fails(f"{number:05}").key for number in range(1_200)]
    _, made = world.post(bucket="src")
    (body,) = world.queue.sent
    world.queue.sent.clear()
    calls = iter([900.0, 900.0])

    def seconds() -> float:
        """Two pages, then the process is gone."""
        found = next(calls, None)
        if found is None:
            raise KeyboardInterrupt
        return found

    with pytest.raises(KeyboardInterrupt):
        world.redrives.handle(body, seconds)
    world.redrives.handle(body, lambda: 900)
    assert sorted(rows(world, world.redrive(made["id"]))) == sorted(written)


def test_a_plan_whose_upload_is_gone_begins_anew(world: World) -> None:
    world.part_bytes = 1_000
    written = [world.fails(f"{number:05}").key for number in range(1_200)]
    _, made = world.post(bucket="src")
    (body,) = world.queue.sent
    calls = iter([900, 900, 0])
    world.redrives.handle(body, lambda: float(next(calls)))
    world.manifests.uploads.clear()
    world.work()
    assert sorted(rows(world, world.redrive(made["id"]))) == sorted(written)


def test_a_plan_that_nothing_was_heard_of_is_taken_up_again(world: World) -> None:
    world.fails("k")
    _, made = world.post(bucket="src")
    world.queue.sent.clear()  # lost
    world.tick(60)
    assert world.redrive(made["id"]).state is RedriveState.PLANNING
    world.tick(20 * 60)
    assert world.redrive(made["id"]).state is RedriveState.PLANNED


def test_a_cancelled_plan_is_not_written_any_more(world: World) -> None:
    world.fails("k")
    _, made = world.post(bucket="src")
    assert world.request("DELETE", made["api_path"])[0] == 202
    world.work()
    assert world.redrive(made["id"]).state is RedriveState.CANCELLED
    assert not world.manifests.objects


keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@settings(max_examples=200)
@given(keys, st.sampled_from(["null", "3sL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY"]))
def test_every_key_survives_a_row_of_the_manifest(key: str, version_id: str) -> None:
    line = manifest.row(ObjectVersion("src", key, version_id)).decode()
    assert line.isascii()
    (row,) = csv.reader(io.StringIO(line))
    assert [row[0], unquote_plus(row[1]), row[2]] == ["src", key, version_id]
