"""`s3rt redrive` over the function itself, with everything behind it in memory."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from replication.published.redrive_json import redrive_json
from s3rt.api import ApiProblem
from s3rt.commands import redrive
from tests.redrive.world import World
from tests.s3rt.conftest import Command


class WorldApi:
    """`s3rt.api.Api` on a world; each question gives the function time to work."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.denied = False

    def get(self, path: str, **parameters: Any) -> Any:
        self.world.work()
        if path == "/v1/redrives":
            return {"items": self.world.shown(), "next_cursor": None, "complete": True}
        found = self.world.store.found(path.rpartition("/")[2])
        if found is None:
            raise ApiProblem(
                404, {"type": "x:no-such-redrive", "detail": "No redrive has this id."}
            )
        return redrive_json(found[0], self.world.now)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._change("POST", path, body)

    def delete(self, path: str) -> Any:
        return self._change("DELETE", path, None)

    def _change(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        if self.denied:
            raise ApiProblem(403, {"detail": "explicit deny"})
        status, answer = self.world.request(method, path, dict(body or {}))
        if status >= 300:
            raise ApiProblem(status, answer)
        return answer


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> WorldApi:
    made = WorldApi(World())

    @contextmanager
    def api_of(_: object) -> Iterator[WorldApi]:
        yield made

    monkeypatch.setattr(redrive, "api_of", api_of)
    monkeypatch.setattr(redrive, "POLL_SECONDS", 0)
    return made


@pytest.fixture
def s3rt(tmp_path: Any) -> Command:
    file = tmp_path / "outputs.json"
    file.write_text("{}")
    return Command(file)


def plan_id(api: WorldApi) -> str:
    return max(api.world.store.redrives)


def test_a_plan_says_what_where_to_and_how_much(api: WorldApi, s3rt: Command) -> None:
    api.world.fails("both/k", size=2_048)
    api.world.fails("both/marker", delete_marker=True)
    found = s3rt("redrive", "plan", "src")
    assert found.code == 0, found
    for shown in ("planned", "1 versions, 2.0 KiB", "→ dst-a: 1", "→ dst-b: 1", "at most $0.25"):
        assert shown in found.out, shown
    assert "left out, delete_marker: 1" in found.out
    assert "s3://src/both/marker" in found.out
    assert f"s3rt redrive start {plan_id(api)}" in found.out


def test_a_refused_plan_ends_with_1_and_says_why(api: WorldApi, s3rt: Command) -> None:
    found = s3rt("redrive", "plan", "src")
    assert found.code == 1
    assert "No version that is FAILED" in found.out


def test_a_start_asks_before_it_spends_money(api: WorldApi, s3rt: Command) -> None:
    api.world.fails("k")
    s3rt("redrive", "plan", "src")
    refused = s3rt("redrive", "start", plan_id(api), input=b"n\n")
    assert refused.code == 2
    assert "at most $0.25" in refused.err
    assert not api.world.jobs.orders
    assert s3rt("redrive", "start", plan_id(api), input=b"y\n").code == 3
    again = s3rt("redrive", "start", plan_id(api), "--yes")
    assert again.code == 3
    assert len(api.world.jobs.by_token) == 1


def test_a_status_ends_with_1_when_tasks_failed_and_shows_the_fix(
    api: WorldApi, s3rt: Command
) -> None:
    world = api.world
    world.fails("k")
    found = world.started(bucket="src")
    uri = world.reported(found, {"k": "DstKmsKeyNotFound"})
    world.s3_says("Complete", 1, 0, 1)
    world.changed("job-0")
    assert s3rt("redrive", "status", found.id).code == 3
    world.read_by_backfill(uri)
    shown = s3rt("redrive", "status", found.id)
    assert shown.code == 1
    assert "0 succeeded, 1 failed of 1" in shown.out
    assert "1 x DstKmsKeyNotFound" in shown.out
    assert json.loads(s3rt("redrive", "status", found.id, "--json").out)["state"] == "completed"


def test_list_and_cancel(api: WorldApi, s3rt: Command) -> None:
    assert "Nothing was planned" in s3rt("redrive", "list").out
    api.world.fails("k")
    s3rt("redrive", "plan", "src")
    assert plan_id(api) in s3rt("redrive", "list").out
    assert s3rt("redrive", "cancel", plan_id(api)).code == 0
    assert s3rt("redrive", "status", plan_id(api)).code == 1
    ended = s3rt("redrive", "start", plan_id(api), "--yes")
    assert ended.code == 1
    assert "It was cancelled" in ended.err


def test_bad_input_and_missing_permission(api: WorldApi, s3rt: Command) -> None:
    assert s3rt("redrive", "plan", "not-ours").code == 4
    assert s3rt("redrive", "plan", "src", "--destination", "nowhere").code == 2
    assert s3rt("redrive", "status", "none").code == 4
    assert s3rt("redrive", "plan", "src", "--since", "yesterday").code == 2
    api.denied = True
    found = s3rt("redrive", "plan", "src")
    assert found.code == 5
    assert "redrive=true" in found.err
