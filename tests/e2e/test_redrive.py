"""A redrive from the broken destination to the last COMPLETED, by its users' means alone."""

import json
import time
from typing import Any

import boto3
import pytest

from local import s3_control
from local.emulator.server import REGION
from s3rt.api import Api, ApiProblem
from tests.e2e.conftest import REDRIVEN, RESOLVED, Deployed, Inbox, eventually
from tests.s3rt.conftest import Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SOURCE, _ = REDRIVEN
ACCOUNT = "000000000000"


def break_off(deployed: Deployed, pair: tuple[str, str] = REDRIVEN) -> None:
    _, replica = pair
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ReplicateObject",
        "Resource": f"arn:aws:s3:::{replica}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    deployed.client("s3").put_bucket_policy(Bucket=replica, Policy=policy)


def mend(deployed: Deployed, pair: tuple[str, str] = REDRIVEN) -> None:
    """The policy is taken away, and one object shows that the rule works again."""
    source, replica = pair
    deployed.client("s3").delete_bucket_policy(Bucket=replica)
    version = deployed.put(key := f"probe-{time.monotonic_ns()}", source)
    assert deployed.settled(key, version, source)["replication_status"] == "COMPLETED"


def incidents(deployed: Deployed, bucket: str) -> list[Any]:
    found = deployed.api.get("/v1/incidents", state="open")["items"]
    return [one for one in found if one["bucket"] == bucket]


def fail(deployed: Deployed, prefix: str, count: int) -> dict[str, str]:
    """Versions that failed, by key; the cause is mended."""
    break_off(deployed)
    written = {
        key: deployed.put(key, SOURCE) for key in (f"{prefix}/a b+{n}%é.txt" for n in range(count))
    }
    for key, version in written.items():
        assert deployed.settled(key, version, SOURCE)["replication_status"] == "FAILED"
    mend(deployed)
    return written


def planned(deployed: Deployed, **filters: Any) -> Any:
    made = deployed.api.post("/v1/redrives", filters)
    assert made["state"] == "planning"
    return eventually(
        lambda: (
            found if (found := deployed.api.get(made["api_path"]))["state"] != "planning" else None
        )
    )


def start(deployed: Deployed, plan_id: str) -> Any:
    return deployed.api.post("/v1/redrives", {"dry_run": False, "plan_id": plan_id})


def ended(deployed: Deployed, redrive_id: str, seconds: float = 90) -> Any:
    return eventually(
        lambda: (
            found if (found := deployed.api.get(f"/v1/redrives/{redrive_id}"))["ended_at"] else None
        ),
        seconds,
    )


def jobs_of(deployed: Deployed, redrive_id: str) -> list[Any]:
    control = s3_control.client(deployed.outputs.endpoint_url)
    listed = control.list_jobs(AccountId=ACCOUNT)["Jobs"]
    return [one for one in listed if redrive_id in one["Description"]]


def test_exactly_what_failed_becomes_completed_and_the_incident_resolves(
    deployed: Deployed, s3rt: Command
) -> None:
    inbox = Inbox(deployed, deployed.subscribed("IncidentTopicArn", "redrive-incidents"))
    source, replica = RESOLVED
    break_off(deployed, RESOLVED)
    written = {key: deployed.put(key, source) for key in (f"all/a b+{n}%é" for n in range(6))}
    for key, version in written.items():
        assert deployed.settled(key, version, source)["replication_status"] == "FAILED"
    (incident,) = eventually(lambda: incidents(deployed, source))
    eventually(lambda: incidents(deployed, source)[0]["failing"] == len(written))

    refused = planned(deployed, incident_id=incident["id"])
    assert refused["state"] == "refused"
    assert refused["refusal"]["code"] == "cause-stands-open"
    assert incident["id"] in refused["refusal"]["detail"]

    mend(deployed, RESOLVED)
    eventually(lambda: planned(deployed, incident_id=incident["id"])["state"] == "planned")
    plan = planned(deployed, incident_id=incident["id"])
    assert plan["versions"] == len(written)
    assert plan["bytes"] == sum(len(key.encode()) for key in written)
    assert [one["bucket"] for one in plan["destinations"]] == [replica]
    assert plan["estimated_cost_usd"]["jobs"] == 0.25

    assert s3rt("redrive", "start", plan["id"], "--yes").code == 3
    assert start(deployed, plan["id"])["id"] == plan["id"]
    done = ended(deployed, plan["id"])
    assert done["state"] == "completed", done
    assert (done["jobs"][0]["succeeded"], done["jobs"][0]["failed"]) == (len(written), 0)
    assert start(deployed, plan["id"])["state"] == "completed"
    assert len(jobs_of(deployed, plan["id"])) == 1, "a repeat starts no second job"
    assert s3rt("redrive", "status", plan["id"]).code == 0

    for key, version in written.items():
        assert deployed.settled(key, version, source)["replication_status"] == "COMPLETED"

        def shown(key: str = key, version: str = version) -> bool:
            history = deployed.known(source, key, version)["transitions"]
            return {"batch_report", "replica_created"} <= {one["evidence"] for one in history}

        assert eventually(shown), "whichever comes first, the history shows both"
    eventually(lambda: not incidents(deployed, source))
    about = [json.loads(one["Message"]) for one in inbox.read()]
    eventually(lambda: len(inbox.read()) >= 2)
    about = [json.loads(one["Message"]) for one in inbox.messages]
    mine = [one for one in about if one.get("id") == incident["id"]]
    assert sorted(one["event"] for one in mine) == ["opened", "resolved"], "one message each"


def test_a_reader_may_look_and_neither_plan_start_nor_cancel(deployed: Deployed) -> None:
    iam = deployed.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    iam.put_user_policy(
        UserName="reader",
        PolicyName="ask",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    with Api.at(deployed.outputs.api_url, REGION, session) as api:
        assert "items" in api.get("/v1/redrives")
        with pytest.raises(ApiProblem) as planned:
            api.post("/v1/redrives", {})
        with pytest.raises(ApiProblem) as cancelled:
            api.delete("/v1/redrives/any")
        assert [planned.value.status, cancelled.value.status] == [403, 403]


def test_a_job_cancelled_in_the_console_stops_the_redrive(deployed: Deployed) -> None:
    fail(deployed, "console", 3)
    plan = planned(deployed, bucket=SOURCE, prefix="console/")
    deployed.adjust(batch_step_seconds=2, max_batch_tasks=1)
    try:
        start(deployed, plan["id"])
        (job,) = eventually(lambda: jobs_of(deployed, plan["id"]))
        s3_control.client(deployed.outputs.endpoint_url).update_job_status(
            AccountId=ACCOUNT, JobId=job["JobId"], RequestedJobStatus="Cancelled"
        )
        done = ended(deployed, plan["id"])
    finally:
        deployed.adjust(batch_step_seconds=0.2, max_batch_tasks=200)
    assert done["state"] == "stopped"
    assert done["jobs"][0]["problem"] == "The job was cancelled"


def test_what_a_job_could_not_do_stands_in_the_answer_with_its_code_and_fix(
    deployed: Deployed,
) -> None:
    key = "again/fail-DstKmsKeyNotFound/k"
    version = deployed.put(key, SOURCE)
    assert deployed.settled(key, version, SOURCE)["replication_status"] == "FAILED"
    plan = planned(deployed, bucket=SOURCE, prefix="again/", force=True)
    assert plan["state"] == "planned"
    start(deployed, plan["id"])
    done = ended(deployed, plan["id"])
    assert done["state"] == "completed"
    (failures,) = done["jobs"][0]["failures"]
    assert failures["failure"]["code"] == "DstKmsKeyNotFound"
    assert failures["failure"]["fix"]
    assert [one["key"] for one in failures["samples"]] == [key]


def test_a_redrive_can_be_cancelled(deployed: Deployed, s3rt: Command) -> None:
    fail(deployed, "cancel", 3)
    plan = planned(deployed, bucket=SOURCE, prefix="cancel/")
    deployed.adjust(batch_step_seconds=2, max_batch_tasks=1)
    try:
        start(deployed, plan["id"])
        eventually(lambda: jobs_of(deployed, plan["id"]))
        assert s3rt("redrive", "cancel", plan["id"]).code == 0
        assert ended(deployed, plan["id"])["state"] == "cancelled"
    finally:
        deployed.adjust(batch_step_seconds=0.2, max_batch_tasks=200)


def test_what_has_ended_cannot_be_cancelled(deployed: Deployed) -> None:
    fail(deployed, "over", 1)
    plan = planned(deployed, bucket=SOURCE, prefix="over/")
    start(deployed, plan["id"])
    assert ended(deployed, plan["id"])["state"] != "cancelled"
    with pytest.raises(ApiProblem, match="409"):
        deployed.api.delete(f"/v1/redrives/{plan['id']}")


@pytest.mark.parametrize(
    ("body", "status", "parameter"),
    [
        ({"dry_run": False}, 400, "plan_id"),
        ({"dry_run": False, "plan_id": "no-such-plan"}, 404, None),
        ({"bucket": "not-ours"}, 404, "bucket"),
        ({"bucket": SOURCE, "destination": "elsewhere"}, 400, "destination"),
        ({"incident_id": "no-such"}, 404, "incident_id"),
        ({"since": "yesterday"}, 400, "since"),
        ({"colour": "red"}, 400, "colour"),
    ],
)
def test_bad_input_gets_a_clear_answer(
    deployed: Deployed, body: dict[str, Any], status: int, parameter: str | None
) -> None:
    with pytest.raises(ApiProblem) as caught:
        deployed.api.post("/v1/redrives", body)
    assert caught.value.status == status
    assert caught.value.problem.get("parameter") == parameter
    assert caught.value.problem["detail"]


def test_a_plan_of_nothing_is_refused_and_cannot_be_started(deployed: Deployed) -> None:
    plan = planned(deployed, bucket=SOURCE, prefix="nothing-here/", force=True)
    assert (plan["state"], plan["refusal"]["code"]) == ("refused", "nothing-to-do")
    with pytest.raises(ApiProblem) as caught:
        start(deployed, plan["id"])
    assert caught.value.status == 409
    assert caught.value.problem["detail"] == plan["refusal"]["detail"]


def test_what_is_gone_is_left_out_and_named(deployed: Deployed) -> None:
    written = fail(deployed, "gone", 2)
    (gone, version), _ = written.items()
    # The tracker is not told, so it still lists the version.
    deployed.adjust(event_drop_rate=1)
    try:
        deployed.client("s3").delete_object(Bucket=SOURCE, Key=gone, VersionId=version)
    finally:
        deployed.adjust(event_drop_rate=0)
    plan = planned(deployed, bucket=SOURCE, prefix="gone/", force=True)
    assert plan["versions"] == 1
    (left_out,) = plan["left_out"]
    assert left_out["reason"] == "gone"
    assert [one["key"] for one in left_out["samples"]] == [gone]
