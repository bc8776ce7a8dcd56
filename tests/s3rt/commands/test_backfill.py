"""`s3rt backfill`, its stack in moto."""

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from replication.published.backfill import FileProgress, Progress, RunProgress
from replication.s3.deliveries import run_of
from s3rt.commands import backfill
from s3rt.main import app
from s3rt.outputs import Outputs
from tests.backfill.conftest import NOW, TABLE, World, rows, world
from tests.support.deliveries import URI, put_inventory

__all__ = ["world"]

RUN = run_of(URI)


@pytest.fixture
def outputs(world: World) -> Outputs:
    return Outputs(
        {"TableName": TABLE, "BackfillQueueUrl": world.queue_url}, "us-east-1", endpoint_url=None
    )


@pytest.fixture
def file(outputs: Outputs, tmp_path: Path) -> Path:
    where = tmp_path / "outputs.json"
    where.write_text(json.dumps({**outputs.values, "region": "us-east-1"}))
    return where


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--outputs", str(file), "backfill", *arguments])


def shown(found: Progress | None) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(backfill.rendered(RUN, found))
    return captured.get()


def test_it_asks_for_the_run_and_says_its_id(world: World, file: Path) -> None:
    result = run(file, URI)
    assert result.exit_code == 0, result.output
    assert RUN in result.output
    (message,) = world.receive()
    assert json.loads(message["Body"]) == {"manifest": URI}


def test_what_the_operator_knows_of_the_rules_travels_along(world: World, file: Path) -> None:
    assert run(file, URI, "--rules-since", "2026-10-01T00:00:00+02:00").exit_code == 0
    (message,) = world.receive()
    assert json.loads(message["Body"])["rules_since"] == "2026-09-30T22:00:00.000Z"
    assert run(file, URI, "--rules-since", "long ago").exit_code == 2


def test_a_run_that_is_finished_is_shown_and_not_asked_for_again(world: World, file: Path) -> None:
    put_inventory(world.s3, rows(3))
    world.start()
    world.work()
    result = run(file, URI, "--wait")
    assert result.exit_code == 0, result.output
    assert "finished, 3 rows, 1 of 1 files" in result.output
    assert world.receive() == []


def test_waiting_ends_with_the_run(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function works while the command waits."""
    put_inventory(world.s3, rows(3), rows(2, 9))
    monkeypatch.setattr("s3rt.commands.backfill.time.sleep", lambda _: world.work(most=1))
    result = run(file, URI, "--wait")
    assert result.exit_code == 0, result.output
    assert "finished, 5 rows, 2 of 2 files" in result.output


def test_a_run_that_fails_ends_with_an_error_code_and_the_reason(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_inventory(world.s3, rows(3), fileFormat="ORC")
    monkeypatch.setattr("s3rt.commands.backfill.time.sleep", lambda _: world.work(most=1))
    result = run(file, URI, "--wait")
    assert result.exit_code == 1
    assert "the inventory is 'ORC'" in result.output


def test_an_old_failure_is_not_the_end_of_a_run_that_is_started_again(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_inventory(world.s3, rows(3), fileFormat="ORC")
    world.start()
    world.work()
    put_inventory(world.s3, rows(3))
    monkeypatch.setattr("s3rt.commands.backfill.time.sleep", lambda _: world.work(most=1))
    result = run(file, URI, "--wait")
    assert result.exit_code == 0, result.output
    assert "finished, 3 rows" in result.output


def test_what_is_no_manifest_is_not_asked_for(world: World, file: Path) -> None:
    result = run(file, "https://example.com/manifest.json")
    assert result.exit_code != 0
    assert world.receive() == []


def test_the_progress_shows_counts_and_what_is_wrong() -> None:
    files = (
        FileProgress(
            "b",
            "one",
            12_000,
            {"completed": 11_999, "broken": 1},
            broken=("row 7: bad",),
            finished_at=NOW,
        ),
        FileProgress("b", "two", trouble="S3 denied it"),
    )
    text = shown(Progress(RunProgress(RUN, URI, 3), files))
    assert "running, 12,000 rows, 1 of 3 files" in text
    assert "11,999" in text
    assert "two: S3 denied it" in text
    assert "one: row 7: bad" in text


def test_the_progress_of_what_nobody_has_begun() -> None:
    assert "asked for" in shown(None)
    assert "waiting" in shown(Progress(RunProgress(RUN, URI)))


def test_many_troubles_are_cut_short() -> None:
    files = tuple(FileProgress("b", f"f{n}", error="no") for n in range(9))
    assert "and 4 more" in shown(Progress(RunProgress(RUN, URI, 9), files))


@pytest.mark.parametrize("wait", [[], ["--wait"]])
def test_programs_get_the_progress_as_json(world: World, file: Path, wait: list[str]) -> None:
    put_inventory(world.s3, rows(3))
    world.start()
    world.work()
    result = run(file, URI, "--json", *wait)
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert (told["run"], told["state"], told["rows"], told["files"]) == (RUN, "finished", 3, 1)


def test_a_run_nobody_began_is_unknown_in_json(world: World, file: Path) -> None:
    told = json.loads(run(file, URI, "--json").output)
    assert (told["state"], told["rows"]) == (None, None)
