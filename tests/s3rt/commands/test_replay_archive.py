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
from s3rt.commands import replay_archive
from s3rt.commands.replay_archive import Replay
from s3rt.outputs import Outputs
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
