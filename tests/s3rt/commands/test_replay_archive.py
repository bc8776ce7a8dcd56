"""`s3rt replay-archive`: a stretch of the archive, to the tracker's own rules and nobody else."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from replication.times import Instant
from s3rt import collectors
from s3rt.commands import replay_archive
from s3rt.commands.replay_archive import Replay
from s3rt.outputs import NoStack, Outputs
from tests.s3rt.conftest import Command

REGION = "eu-central-1"
RULES = ["arn:aws:events:eu-central-1:123456789012:rule/tracker-objects"]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account with two archives of its default bus."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("events", region_name=REGION)
        bus = client.describe_event_bus()["Arn"]
        for name in ("objects-0", "objects-1"):
            client.create_archive(ArchiveName=name, EventSourceArn=bus)
        yield client


@pytest.fixture
def outputs(events: Any, tmp_path: Path) -> Path:
    names = ("objects-0", "objects-1")
    arns = [events.describe_archive(ArchiveName=name)["ArchiveArn"] for name in names]
    file = tmp_path / "outputs.json"
    file.write_text(
        json.dumps(
            {"region": REGION, "ArchiveArns": ",".join(arns), "ArchivedRuleArns": ",".join(RULES)}
        )
    )
    return file


def test_every_archive_is_replayed_to_the_rules_of_the_tracker_alone(
    events: Any, outputs: Path
) -> None:
    ended = Command(outputs)(
        "replay-archive",
        "--since",
        "2026-11-20T10:00:00Z",
        "--until",
        "2026-11-21T10:00:00+02:00",
        "--json",
    )
    assert ended.code == 0
    told = ended.json["replays"]
    assert [one["state"] for one in told] == ["COMPLETED", "COMPLETED"]
    for number, one in enumerate(told):
        made = events.describe_replay(ReplayName=one["name"])
        assert made["EventSourceArn"].endswith(f"archive/objects-{number}")
        assert made["Destination"]["FilterArns"] == RULES
        assert made["Destination"]["Arn"].endswith(":event-bus/default")
        assert made["EventStartTime"].astimezone(UTC) == datetime(2026, 11, 20, 10, tzinfo=UTC)
        assert made["EventEndTime"].astimezone(UTC) == datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_a_second_replay_of_the_same_time_is_another_one(events: Any, outputs: Path) -> None:
    for _ in range(2):
        assert Command(outputs)("replay-archive", "--since", "2d", "--until", "1d").code == 0
    assert len(events.list_replays()["Replays"]) == 4


def test_what_is_too_young_for_the_archive_is_said_beside_the_answer(
    events: Any, outputs: Path
) -> None:
    late = Command(outputs)("replay-archive", "--since", "2h")
    assert "may not be in the archive yet" in late.err
    assert "COMPLETED" in late.out
    early = Command(outputs)("replay-archive", "--since", "2h", "--until", "1h", "--no-wait")
    assert early.err == ""
    assert "STARTING" in early.out


def test_a_stack_without_an_archive_says_how_to_get_one(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({"region": REGION}))
    ended = Command(file)("replay-archive", "--since", "2h")
    assert ended.code == 2
    assert "-c archive_days=14" in ended.err


@pytest.mark.parametrize("times", [("1h", "2h"), ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z")])
def test_a_time_that_ends_before_it_begins_is_no_time(
    events: Any, outputs: Path, times: tuple[str, str]
) -> None:
    ended = Command(outputs)("replay-archive", "--since", times[0], "--until", times[1])
    assert ended.code == 2
    assert events.list_replays()["Replays"] == []


class Told:
    """EventBridge, as it tells of one replay: one answer after the other."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)

    def describe_archive(self, **_: Any) -> Any:
        return {"EventSourceArn": "arn:aws:events:eu-central-1:123456789012:event-bus/default"}

    def start_replay(self, **_: Any) -> Any:
        return {"State": "STARTING"}

    def describe_replay(self, **_: Any) -> Any:
        return self.answers.pop(0)


def test_a_replay_that_fails_tells_why_and_ends_with_5(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told(
        {"State": "RUNNING", "EventLastReplayedTime": datetime(2026, 11, 20, 10, 30, tzinfo=UTC)},
        {"State": "FAILED", "StateReason": "the archive is gone"},
        {"State": "COMPLETED"},
    )
    monkeypatch.setattr(Outputs, "client", lambda _self, _service: told)
    monkeypatch.setattr(replay_archive, "POLL_SECONDS", 0.0)
    ended = Command(outputs)("replay-archive", "--since", "2d", "--until", "1d")
    assert ended.code == 5
    assert "FAILED the archive is gone" in ended.out
    assert told.answers == []


def test_how_far_a_replay_is_follows_from_the_events_it_sent() -> None:
    one = Replay("r", "a", Instant("2026-11-20T10:00:00.000Z"), Instant("2026-11-20T12:00:00.000Z"))
    assert one.share == 0
    one.replayed_until = Instant("2026-11-20T10:30:00.000Z")
    assert one.share == 0.25
    one.replayed_until = Instant("2026-11-20T12:00:30.000Z")
    assert one.share == 1
    one.state, one.replayed_until = "COMPLETED", None
    assert one.share == 1


# --- collectors -----------------------------------------------------------------------------------

ACCOUNT = "123456789012"
COLLECTOR = "S3ReplicationTracker-dev-to-123456789012-eu-central-1"
HOUR = ("replay-archive", "--since", "2026-11-20T10:00:00Z", "--until", "2026-11-20T11:00:00Z")


@pytest.fixture
def elsewhere(events: Any, outputs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The deployment has a collector with an archive in another Region too. (The end-to-end test
    of Regions reads the outputs of real stacks.)"""
    there = boto3.client("events", region_name="eu-west-1")
    bus = there.describe_event_bus()["Arn"]
    archive = there.create_archive(ArchiveName="far", EventSourceArn=bus)["ArchiveArn"]
    rule = RULES[0].replace(REGION, "eu-west-1")

    def described(session: boto3.Session, name: str, _url: str | None) -> dict[str, str]:
        if session.region_name != "eu-west-1":
            raise NoStack(f"no stack {name} in {session.region_name} of this account")
        return {"ArchiveArns": archive, "ArchivedRuleArns": rule}

    monkeypatch.setattr(collectors, "described", described)
    collected(outputs, f"{ACCOUNT}/eu-west-1")
    return outputs


def collected(outputs: Path, *places: str) -> None:
    known = {
        "Collectors": ",".join(places),
        "CollectorStack": COLLECTOR,
        "FailureTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:failures",
    }
    outputs.write_text(json.dumps({**json.loads(outputs.read_text()), **known}))


def test_archives_of_collectors_are_replayed_to_their_own_rules(elsewhere: Path) -> None:
    ended = Command(elsewhere)(*HOUR, "--json")
    assert ended.code == 0
    assert ended.json["unreached"] == {}
    archives = [one["archive"].split(":")[3] for one in ended.json["replays"]]
    assert archives == [REGION, REGION, "eu-west-1"]
    there = boto3.client("events", region_name="eu-west-1")
    (name,) = [one["ReplayName"] for one in there.list_replays()["Replays"]]
    made = there.describe_replay(ReplayName=name)
    assert made["Destination"]["FilterArns"] == [RULES[0].replace(REGION, "eu-west-1")]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("222222222222/eu-west-1", "another account; give --profile 222222222222=NAME"),
        (f"{ACCOUNT}/eu-north-1", f"no stack {COLLECTOR} in eu-north-1"),
    ],
)
def test_what_cannot_be_reached_is_named_and_the_rest_is_replayed(
    elsewhere: Path, place: str, reason: str
) -> None:
    collected(elsewhere, f"{ACCOUNT}/eu-west-1", place)
    ended = Command(elsewhere)(*HOUR, "--json")
    assert ended.code == 5
    assert len(ended.json["replays"]) == 3
    assert ended.json["unreached"].keys() == {place}
    assert reason in ended.json["unreached"][place]
    assert f"{place} was not replayed: " in Command(elsewhere)(*HOUR).err


def test_a_profile_is_named_for_an_account(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected(elsewhere, "222222222222/eu-west-1")
    profile = tmp_path / "config"
    profile.write_text("[profile audit]\naws_access_key_id=a\naws_secret_access_key=b\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profile))
    for name, code in (("audit", 0), ("missing", 5)):
        ended = Command(elsewhere)(*HOUR, "--profile", f"222222222222={name}", "--json")
        assert ended.code == code, ended
    assert Command(elsewhere)(*HOUR, "--profile", "audit").code == 2
