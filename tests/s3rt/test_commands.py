"""What the commands say, and how they end."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from replication.ledger.fact import Kind
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from tests.s3rt.conftest import OLD_RELEASE, Command
from tests.support.fake_api.server import ROUTES, FakeApi
from tests.support.fake_api.world import (
    CHANGED,
    DENIED,
    DUBLIN,
    FRANKFURT,
    HOSTILE,
    LOGS,
    MEDIA,
    NO_KEY,
    OREGON,
    TAX,
)
from tests.support.seeds import stored

PENDING = f"s3://{MEDIA}/2026/11/new-0.mp4"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status", f"s3://{TAX}/{CHANGED}"], 0),
        (["status", f"s3://{DUBLIN}/{CHANGED}"], 0),
        (["status", f"s3://{TAX}/2026/return-000.pdf"], 1),
        (["status", f"s3://{TAX}"], 2),
        (["status", "s3://Not_A_Bucket/key"], 2),
        (["status", PENDING], 3),
        (["status", PENDING, "--wait", "--timeout", "1s"], 3),
        (["status", f"s3://{TAX}/{CHANGED}", "--wait"], 0),
        (["status", f"s3://{TAX}/nothing"], 4),
        (["status", f"s3://{TAX}/nothing", "--wait", "--timeout", "1"], 4),
        (["status", f"s3://{TAX}/{CHANGED}", "--version-id", "another"], 4),
        (["status", "s3://not-tracked/key"], 4),
        (["history", f"s3://{TAX}/2026/return-000.pdf"], 1),
        (["versions", f"s3://{TAX}/{CHANGED}"], 0),
        (["ls", f"s3://{TAX}/", "--limit", "0"], 2),
        (["ls", f"s3://{TAX}/", "--since", "yesterday"], 2),
        (["ls", f"s3://{TAX}/", "--status", "BROKEN"], 2),
        (["ls", "s3://not-tracked/"], 4),
        (["failures", MEDIA], 1),
        (["failures", MEDIA, "--destination", FRANKFURT], 0),
        (["incidents"], 1),
        (["incidents", "--state", "resolved"], 0),
        (["doctor"], 1),
        (["summary", "not-tracked"], 4),
        (["watch", "--interval", "0.1s"], 2),
        (["no-such-command"], 2),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_the_exit_code_tells_scripts(
    s3rt: Command, arguments: list[str], code: int, as_json: bool
) -> None:
    ended = s3rt(*arguments, *(["--json"] if as_json else []))
    assert ended.code == code, ended
    assert "Traceback" not in ended.out + ended.err
    if code in (2, 4):
        assert ended.err.strip()


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", f"s3://{TAX}/{CHANGED}"],
        ["history", f"s3://{TAX}/{CHANGED}"],
        ["versions", f"s3://{TAX}/{CHANGED}"],
        ["ls", f"s3://{TAX}/"],
        ["failures"],
        ["buckets"],
        ["summary"],
        ["watermark"],
        ["incidents"],
        ["doctor"],
        ["watch", "--count", "1"],
    ],
)
def test_json_is_one_value_and_nothing_else(s3rt: Command, arguments: list[str]) -> None:
    assert isinstance(s3rt(*arguments, "--json").json, dict)


def test_status_says_why_and_what_to_do(s3rt: Command) -> None:
    out = s3rt("status", f"s3://{TAX}/2026/return-000.pdf").out
    assert DENIED in out
    assert "fix Allow the replication role s3:ReplicateObject" in out


def test_the_doctor_names_each_trouble_with_its_fix(
    s3rt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = s3rt("doctor").out.splitlines()
    assert lines[:2] == [LOGS, "  ✗ configuration"]
    assert any(line.startswith("    fix Allow s3:GetReplicationConfiguration") for line in lines)
    well: dict[str, Any] = {"items": [], "next_cursor": None, "complete": True}
    monkeypatch.setitem(ROUTES, "/v1/doctor", lambda world, query: well)
    ended = s3rt("doctor")
    assert (ended.code, ended.out) == (0, "✓ Nothing is in the tracker's way.\n")


LISTED = {"evidence": Evidence.INVENTORY, "status": Status.FAILED}


@pytest.fixture
def listed(api: FakeApi) -> Iterator[None]:
    """What inventories alone told: a status of unknown place, a replica of unknown source."""
    there = LISTED | {"status": Status.COMPLETED, "present": True}
    version, copy = ObjectVersion(TAX, "old.pdf", "v1"), ObjectVersion(DUBLIN, "copy.pdf", "v1")
    more = [
        stored((Kind.OBSERVED, 5, LISTED), of=version, destination=""),
        stored((Kind.OBSERVED, 5, there), of=copy, destination=DUBLIN),
    ]
    api.world.items += more
    yield
    for one in more:
        api.world.items.remove(one)


@pytest.mark.usefixtures("listed")
def test_a_status_of_unknown_place_is_told_as_that(s3rt: Command) -> None:
    ended = s3rt("status", f"s3://{TAX}/old.pdf")
    assert ended.code == 1
    assert "no rule the tracker knows says of which destination" in ended.out
    assert "nobody knows where" in s3rt("versions", f"s3://{TAX}/old.pdf").out
    assert "FAILED" in s3rt("history", f"s3://{TAX}/old.pdf").out


@pytest.mark.usefixtures("listed")
def test_a_replica_of_unknown_source_is_told_as_that(s3rt: Command) -> None:
    ended = s3rt("status", f"s3://{DUBLIN}/copy.pdf")
    assert ended.code == 0
    assert "replica of a version that no tracked bucket is known to have" in " ".join(
        ended.out.split()
    )
    assert "no tracked bucket" in s3rt("versions", f"s3://{DUBLIN}/copy.pdf").out


def test_history_tells_every_change_in_order(s3rt: Command) -> None:
    ended = s3rt("history", f"s3://{TAX}/{CHANGED}", "--json").json
    assert [one["to"] for one in ended["transitions"]] == [
        "PENDING",
        "FAILED",
        "COMPLETED",
        "PENDING",
        "COMPLETED",
    ]
    lines = s3rt("history", f"s3://{TAX}/{CHANGED}").out.splitlines()
    assert ["FAILED" in line for line in lines].index(True) == 3
    assert "10 s" in lines[3]


def test_filters_reach_the_api_under_its_own_names(s3rt: Command, api: FakeApi) -> None:
    at = "2026-11-22T09:15:00.000Z"
    ended = s3rt(
        *["ls", f"s3://{TAX}/2026/50%+", "--status", "failed", "--destination", DUBLIN],
        *["--rule", "tax", "--reason", DENIED, "--since", at, "--until", "2026-11-22T10:15+01:00"],
        *["--order", "oldest", "--limit", "7"],
    )
    assert ended.out == "Nothing matches.\n"
    assert api.seen == [
        (
            f"/v1/buckets/{TAX}/objects",
            {
                "prefix": "2026/50%+",
                "status": "FAILED",
                "destination": DUBLIN,
                "rule_id": "tax",
                "reason": DENIED,
                "since": at,
                "until": at,
                "order": "oldest",
                "limit": "7",
            },
        )
    ]


def test_a_relative_time_counts_back_from_now(s3rt: Command) -> None:
    rows = s3rt("ls", f"s3://{TAX}/", "--since", "90s", "--json").json["items"]
    assert sorted(row["key"] for row in rows) == sorted(HOSTILE)


def test_a_list_says_when_there_is_more(s3rt: Command) -> None:
    few = s3rt("ls", f"s3://{TAX}/", "--limit", "3", "--json").json
    assert (len(few["items"]), few["truncated"]) == (3, True)
    every = s3rt("ls", f"s3://{TAX}/", "--limit", "5000", "--json").json
    assert (len(every["items"]), every["truncated"]) == (333, False)


def test_failures_of_all_buckets_come_by_reason_with_the_fix_once(s3rt: Command) -> None:
    out = s3rt("failures", "--limit", "1000").out
    assert out.count("fix ") == 2
    assert out.count(f"→ {OREGON}") == 9
    assert out.count(f"→ {DUBLIN}") == 237
    assert out.index(NO_KEY) < out.index(DENIED)


def test_a_key_cannot_steer_the_terminal(s3rt: Command) -> None:
    out = s3rt("ls", f"s3://{TAX}/inbox/", "--limit", "50").out
    assert not [one for one in out if not one.isprintable() and one != "\n"]
    assert "line\\nbreak\\ttab \\x1b[31mred\\x07.pdf" in out
    assert "\\u202egnp.exe" in out
    assert "<img src=x onerror=" in out


def test_nothing_is_cut_and_nothing_is_coloured_in_a_pipe(s3rt: Command) -> None:
    out = s3rt("ls", f"s3://{TAX}/inbox/long", "--limit", "1").out
    assert HOSTILE[-1] in out
    assert "\x1b[" not in out


def test_the_summary_counts_each_route(s3rt: Command) -> None:
    items = s3rt("summary", "--json").json["items"]
    found = {one["destination"]: one for one in items}
    assert found[FRANKFURT]["state"] == "replicating"
    assert found[FRANKFURT]["counts"] == {"PENDING": 5, "COMPLETED": 160, "FAILED": 0}
    assert found[OREGON]["state"] == "failing"
    assert found[OREGON]["oldest_pending_seconds"] > 2_800
    assert found[OREGON]["latency_hour"]["p99"] > found[OREGON]["latency_hour"]["p50"] > 0
    assert found[DUBLIN]["counts"]["FAILED"] == 237
    assert (found[OREGON]["destination_region"], found[OREGON]["destination_account"]) == (
        "us-west-2",
        "222222222222",
    )
    assert f"{OREGON}  us-west-2 222222222222" in s3rt("summary").out
    assert f"{DUBLIN}  eu-west-1" in s3rt("watermark").out
    assert found[None]["source"] == LOGS
    assert found[None]["state"] == "unknown"
    assert found[None]["counts"] == {"PENDING": None, "COMPLETED": None, "FAILED": None}


def test_the_watermark_names_what_holds_it_back(s3rt: Command) -> None:
    items = s3rt("watermark", MEDIA, "--json").json["items"]
    (late,) = [one for one in items if one["destination"] == OREGON]
    assert late["held_back_by"] == "2026/11/raw/scene-00.mov"
    assert late["lag_seconds"] > 2_800
    assert all(one["heard_until"] and one["reason"] is None for one in items)


def test_what_an_older_release_does_not_tell_is_said_and_never_a_zero(
    s3rt: Command, api: FakeApi
) -> None:
    api.absent |= set(OLD_RELEASE)
    for command in (["summary", MEDIA], ["watermark"], ["incidents"]):
        ended = s3rt(*command)
        assert (ended.code, ended.out) == (5, "")
        assert "deploy the present version" in ended.err


def test_watch_looks_as_often_as_asked(s3rt: Command, api: FakeApi) -> None:
    lines = s3rt("watch", MEDIA, "--count", "2", "--interval", "1s", "--json").out.splitlines()
    assert [len(json.loads(line)["items"]) for line in lines] == [2, 2]
    shown = s3rt("watch", TAX, "--count", "1").out
    assert "Latest failures" in shown
    assert DENIED in shown


def test_watch_goes_on_when_the_api_is_away_for_a_moment(
    s3rt: Command, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pause(_: float) -> None:
        api.down = not api.down

    monkeypatch.setattr("s3rt.commands.summaries.time.sleep", pause)
    ended = s3rt("watch", TAX, "--count", "3", "--json")
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 2
    assert ended.err == "the API answers 503: The ledger could not be read.; trying again\n"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_export_writes_every_row(s3rt: Command, api: FakeApi, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"rows.{kind}"
    ended = s3rt("export", f"s3://{TAX}/", "--format", kind, "--output", str(file), "--json")
    told = ended.json
    assert told.pop("heard_until") == api.world.heard_until
    assert told == {"file": str(file), "rows": 333, "complete": True}
    text = file.read_bytes().decode()
    rows: list[dict[str, Any]] = (
        [json.loads(line) for line in text.split("\n") if line]
        if kind == "jsonl"
        else list(csv.DictReader(text.splitlines(keepends=True)))
    )
    assert len(rows) == 333
    assert {row["key"] for row in rows} >= set(HOSTILE)


def test_export_to_standard_output_is_the_rows_alone(s3rt: Command) -> None:
    where = f"s3://{MEDIA}/vault/"
    ended = s3rt("export", where, "--format", "jsonl", "-o", "-")
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [row["failure"]["code"] for row in rows] == [NO_KEY] * 9


def test_an_export_that_fails_leaves_the_old_file_alone(
    s3rt: Command, api: FakeApi, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("old")
    api.down = True
    assert s3rt("export", f"s3://{TAX}/", "-o", str(file)).code == 5
    assert file.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir() if "part" in one.name] == []


def test_an_api_in_trouble_is_told_in_one_line(s3rt: Command, api: FakeApi) -> None:
    api.down = True
    ended = s3rt("buckets")
    assert ended.code == 5
    assert ended.err == "s3rt: the API answers 503: The ledger could not be read.\n"


def test_an_api_that_is_not_there_is_told_with_the_fix(s3rt: Command) -> None:
    s3rt.outputs.write_text(
        json.dumps(
            {"ApiUrl": "http://127.0.0.1:1", "region": "x", "endpoint_url": "http://127.0.0.1:1"}
        )
    )
    ended = s3rt("buckets")
    assert ended.code == 5
    assert "is the stack up" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_caller_who_is_refused_learns_what_to_allow(
    s3rt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3rt.api.SigV4Auth.add_auth", lambda self, request: None)
    ended = s3rt("buckets")
    assert ended.code == 5
    assert "execute-api:Invoke" in ended.err


def test_no_outputs_is_told_with_the_fix(s3rt: Command) -> None:
    s3rt.outputs.unlink()
    ended = s3rt("buckets")
    assert ended.code == 5
    assert "has no stack outputs" in ended.err


@pytest.mark.parametrize(
    "command",
    [
        *["status", "history", "versions", "ls", "failures", "buckets", "summary", "watermark"],
        *["watch", "incidents", "doctor", "export", "replay", "replay-archive", "open"],
    ],
)
def test_every_command_explains_itself_and_has_json(s3rt: Command, command: str) -> None:
    ended = s3rt(command, "--help")
    assert ended.code == 0
    assert "--json" in ended.out
