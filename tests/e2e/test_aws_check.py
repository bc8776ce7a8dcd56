"""`s3rt aws-check` against the emulator, beside the deployed stack."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.client import BaseClient

from s3rt.aws_check import making
from s3rt.aws_check.account import WouldChange, only_reads
from s3rt.aws_check.observations import OBSERVATIONS
from s3rt.exit_codes import ExitCode
from tests.e2e.conftest import Deployed
from tests.s3rt.conftest import Command, Ended

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PREFIX = "s3rt-check-"


def things(deployed: Deployed) -> list[str]:
    """Names of everything that a check has made and not removed."""
    names = [one["Name"] for one in deployed.client("s3").list_buckets()["Buckets"]]
    names += [one["RoleName"] for one in deployed.client("iam").list_roles()["Roles"]]
    names += [one["Name"] for one in deployed.client("events").list_rules()["Rules"]]
    names += deployed.client("dynamodb").list_tables()["TableNames"]
    urls = deployed.client("sqs").list_queues(QueueNamePrefix=PREFIX).get("QueueUrls", [])
    return [one for one in (*names, *urls) if PREFIX in one]


def verdicts(ended: Ended) -> dict[int, str]:
    return {one["number"]: one["verdict"] for one in ended.json["observations"]}


@contextmanager
def emulated(deployed: Deployed, service: str, **settings: Any) -> Iterator[None]:
    """Settings of the emulator's S3 or DynamoDB."""
    url = f"{deployed.outputs.endpoint_url}/_local/{service}"
    before = httpx.get(url).json()["settings"]
    httpx.patch(url, json=settings).raise_for_status()
    try:
        yield
    finally:
        httpx.patch(url, json=before).raise_for_status()


def test_the_facts_that_the_emulator_knows_hold_and_nothing_is_left(
    s3rt: Command, deployed: Deployed
) -> None:
    with emulated(deployed, "dynamodb", statement_throttle_rate=0.5):
        only = [f"--only={number}" for number in (1, 2, 3, 4, 5, 7, 8, 12)]
        ended = s3rt("aws-check", "--yes", "--json", *only)
    assert set(verdicts(ended).values()) == {"holds"}, ended
    assert ended.code == ExitCode.OK
    assert ended.json["not_removed"] == []
    assert things(deployed) == []


def test_without_yes_nothing_is_written_and_the_plan_is_shown(
    s3rt: Command, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    make_call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(client: BaseClient, name: str, parameters: Any) -> Any:
        called.append(name)
        return make_call(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    ended = s3rt("aws-check")
    assert ended.code == ExitCode.OK, ended
    assert called
    assert [one for one in called if not one.startswith(("Get", "List", "Describe"))] == []
    for one in OBSERVATIONS:
        assert f"{one.number}. {one.name}" in ended.out
        if one.makes:
            assert f"{one.number}. {one.name}: {one.steps} (needs {one.makes})" in ended.err
    assert "0.05 USD" in ended.err
    assert "8. long work is not ended: holds" in ended.out
    assert ended.out.count("give --yes") == sum(bool(one.makes) for one in OBSERVATIONS)


def test_a_session_that_only_reads_refuses_what_changes_something(deployed: Deployed) -> None:
    session = boto3.Session("test", "test", region_name="us-east-1")
    only_reads(session)
    s3 = session.client("s3", endpoint_url=deployed.outputs.endpoint_url)
    s3.list_buckets()
    with pytest.raises(WouldChange):
        s3.create_bucket(Bucket=f"{PREFIX}forbidden")
    assert things(deployed) == []


def interrupted() -> None:
    raise KeyboardInterrupt


def terminated() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def failed() -> None:
    raise RuntimeError


@pytest.mark.parametrize("end", [interrupted, terminated, failed])
def test_what_was_made_is_removed_when_the_check_ends_half_way(
    s3rt: Command,
    deployed: Deployed,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[], None],
) -> None:
    seen: list[str] = []

    def broken(*_: Any) -> Any:
        seen.extend(things(deployed))
        end()

    monkeypatch.setattr(making, "throttled_table", broken)
    # What is no trouble of AWS is shown as it is.
    with pytest.raises(AssertionError) if end is failed else nullcontext():
        ended = s3rt("aws-check", "--yes", "--only=3", "--only=12")
        assert ended.code != ExitCode.OK
    assert len(seen) == 6  # two buckets, two roles, a rule and a queue
    assert things(deployed) == []


def test_what_cannot_be_removed_is_named_with_the_command_that_does(
    s3rt: Command, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3rt.aws_check.made.PAUSE_SECONDS", 0)
    s3 = deployed.client("s3")
    empty = making._empty_and_delete

    def deny(_: Any, name: str) -> None:
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteBucket",
            "Resource": f"arn:aws:s3:::{name}",
        }
        s3.put_bucket_policy(Bucket=name, Policy=making.policy_of(statement))
        empty(s3, name)

    monkeypatch.setattr(making, "_empty_and_delete", deny)
    ended = s3rt("aws-check", "--yes", "--json", "--only=5")
    assert ended.code == ExitCode.FAILED, ended
    left = ended.json["not_removed"]
    assert len(left) == 2
    assert "denies DeleteBucket" in left[0]["why"]
    assert "aws s3api delete-bucket --bucket" in left[0]["by_hand"]
    assert "could not be removed" in ended.err
    for name in things(deployed):
        s3.delete_bucket_policy(Bucket=name)
        empty(s3, name)
    assert things(deployed) == []


def test_an_event_that_does_not_come_differs(s3rt: Command, deployed: Deployed) -> None:
    with emulated(deployed, "s3", destination_delete_marker_events=False):
        ended = s3rt("aws-check", "--yes", "--json", "--only=2", "--time=25s")
    assert verdicts(ended) == {2: "differs"}, ended
    assert ended.code == ExitCode.DIFFERS
    assert "the marker is at the destination" in ended.json["observations"][0]["seen"]
    assert things(deployed) == []


def test_when_no_event_comes_in_time_nothing_is_known(s3rt: Command, deployed: Deployed) -> None:
    with emulated(deployed, "s3", event_drop_rate=1):
        ended = s3rt("aws-check", "--yes", "--json", "--only=1", "--only=12", "--time=10s")
    assert verdicts(ended) == {1: "not_checked", 12: "not_checked"}, ended
    assert "give it more --time" in ended.json["observations"][0]["seen"]
    assert things(deployed) == []


def test_without_a_stack_its_facts_are_not_checked(
    s3rt: Command, deployed: Deployed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", deployed.outputs.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", deployed.outputs.region)
    ended = Command(tmp_path / "absent.json")("aws-check", "--json", "--only=8")
    assert verdicts(ended) == {8: "not_checked"}, ended
    assert "absent.json has no stack outputs" in ended.json["observations"][0]["seen"]


def test_what_differs_is_said_with_what_was_expected(
    s3rt: Command, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = next(
        one["FunctionName"]
        for page in deployed.client("lambda").get_paginator("list_functions").paginate()
        for one in page["Functions"]
        if one["Handler"] == "backfill.handler.handler"
    )
    put = deployed.client("lambda").put_function_recursion_config
    put(FunctionName=name, RecursiveLoop="Terminate")
    try:
        ended = s3rt("aws-check", "--only=8")
    finally:
        put(FunctionName=name, RecursiveLoop="Allow")
    assert ended.code == ExitCode.DIFFERS
    assert "expected RecursiveLoop is Allow for reconcile, backfill and redrive" in ended.out
    assert "RecursiveLoop is Allow for reconcile, redrive\n" in ended.out


def test_an_unknown_number_is_a_usage_error(s3rt: Command) -> None:
    ended = s3rt("aws-check", "--only=13")
    assert ended.code == ExitCode.USAGE
    assert "they are 1 to 12" in ended.err
