"""`s3rt wait`: how it ends, what it asks, and how often."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import typer

from s3rt import manifest
from s3rt.api import Api, ApiProblem
from s3rt.commands import wait
from s3rt.manifest import Named
from s3rt.options import Place
from s3rt.sets import ManifestSet, PrefixSet
from tests.s3rt.conftest import Command
from tests.support.fake_api.server import FakeApi
from tests.support.fake_api.world import CHANGED, DUBLIN, FRANKFURT, MEDIA, OREGON, TAX

WHERE = Place("src", "run/")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([f"s3://{TAX}/{CHANGED}"], 0),
        ([f"s3://{TAX}/{CHANGED}", "--destination", DUBLIN], 0),
        ([f"s3://{TAX}/{CHANGED}", "--destination", OREGON], 4),
        ([f"s3://{TAX}/2026/return-000.pdf"], 1),
        ([f"s3://{MEDIA}/2026/11/new-0.mp4", "--timeout", "1s"], 3),
        ([f"s3://{TAX}/nothing", "--timeout", "1s"], 4),
        ([f"s3://{TAX}/2026/form-", "--prefix", "--until", "5m"], 0),
        ([f"s3://{TAX}/2026/", "--until", "5m"], 1),
        ([f"s3://{MEDIA}/2026/11/raw/", "--timeout", "0s"], 3),
        ([f"s3://{TAX}/nothing/", "--timeout", "0s"], 3),
        (["s3://not-tracked/x/"], 4),
        ([f"s3://{TAX}/2026/", "--version-id", "v"], 2),
        ([f"s3://{TAX}/{CHANGED}", "--since", "1h"], 2),
        ([f"s3://{TAX}", "--manifest", "/nowhere/manifest"], 2),
    ],
)
def test_the_exit_code_says_how_it_ended(s3rt: Command, arguments: list[str], code: int) -> None:
    ended = s3rt("wait", *arguments)
    assert ended.code == code, ended.out + ended.err


def test_what_failed_is_said_with_its_fix(s3rt: Command) -> None:
    ended = s3rt("wait", f"s3://{MEDIA}/vault/")
    assert ended.code == 1
    assert "failed" in ended.out
    assert "fix" in ended.out
    assert f"s3://{MEDIA}/vault/master-0.wav" in ended.out
    found = s3rt("wait", f"s3://{MEDIA}/vault/", "--json").json
    assert found["counts"]["failed"] == 9
    assert len(found["failures"]) == 5


def test_a_prefix_under_which_nothing_was_found_is_said_to_be_empty(s3rt: Command) -> None:
    ended = s3rt("wait", f"s3://{TAX}/nothing/", "--until", "5m")
    assert ended.code == 0
    assert "nothing was found there either" in ended.out


def test_a_manifest_is_waited_for_by_name(s3rt: Command, api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("".join(f"2026/form-{number:03}.pdf\n" for number in range(90)))
    ended = s3rt("wait", f"s3://{TAX}/2026/", "--manifest", str(file), "--json")
    assert ended.code == 0, ended.out
    assert ended.json["counts"]["total"] == ended.json["counts"]["arrived"] == 90
    file.write_text("2026/form-000.pdf\nnothing\n")
    ended = s3rt("wait", f"s3://{TAX}", "--manifest", str(file))
    assert ended.code == 4
    assert "nothing  not-tracked" in ended.out
    file.write_text(f"2026/11/new-0.mp4\n{CHANGED}")
    ended = s3rt("wait", f"s3://{MEDIA}", "--manifest", str(file), "--timeout", "0")
    assert ended.code == 3
    assert FRANKFURT in ended.out


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("run/a", [Named("run/a", None)]),
        ("run/a\tv1\r\n\nrun/b  \n", [Named("run/a", "v1"), Named("run/b  ", None)]),
        ('{"key": "run/\\n", "version_id": "v"}\n', [Named("run/\n", "v")]),
        ("run/a\nrun/a\n", [Named("run/a", None)]),
    ],
)
def test_a_manifest_is_a_key_a_line(tmp_path: Path, written: str, named: list[Named]) -> None:
    file = tmp_path / "manifest"
    file.write_bytes(written.encode())
    assert manifest.read(file, WHERE) == named


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "manifest"
    file.write_bytes(b"run/\xff")
    with pytest.raises(typer.BadParameter, match="UTF-8"):
        manifest.read(file, WHERE)


@pytest.mark.parametrize(
    "written", ["", "\n", "else/a", "{", '{"key": 1}', '{"key": "run/a", "version_id": 2}', "[]"]
)
def test_a_line_that_is_no_object_is_refused(tmp_path: Path, written: str) -> None:
    file = tmp_path / "manifest"
    file.write_text(written)
    with pytest.raises(typer.BadParameter):
        manifest.read(file, WHERE)


@dataclass
class Scripted:
    """An API that gives these answers, the last one for ever; `slept` is how long was waited."""

    answers: list[Any]
    asked: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def get(self, path: str, **parameters: Any) -> Any:
        return self._next(None, parameters)

    def post(self, path: str, body: Any, **parameters: Any) -> Any:
        found = self._next(body, parameters)
        return found(body) if callable(found) else found

    def _next(self, body: Any, parameters: dict[str, Any]) -> Any:
        self.asked.append((body, parameters))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return found

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[dict[str, Any], Scripted]]:
    def wait_for(
        wanted: PrefixSet | ManifestSet, answers: Sequence[Any], timeout: float = 900
    ) -> tuple[dict[str, Any], Scripted]:
        api = Scripted(list(answers))
        monkeypatch.setattr(wait, "time", api)
        return wait._waited_for(cast("Api", api), wanted, timeout), api

    return wait_for


def said(arrived: bool | None, **more: Any) -> dict[str, Any]:
    return {
        "arrived": arrived,
        "until": "then",
        "heard_until": None,
        "counts": {},
        "failures": [],
        "oldest_pending": None,
        "next_cursor": None,
        "reason": None,
        "reason_detail": None,
    } | more


def prefix() -> PrefixSet:
    return PrefixSet(WHERE, None, None, None)


Wait = Callable[..., tuple[dict[str, Any], Scripted]]


def test_pauses_grow_and_a_long_wait_asks_seldom(waiting: Wait) -> None:
    found, api = waiting(prefix(), [said(False)])
    assert found["timed_out"] is True
    assert api.slept[:3] == [1.0, 1.5, 2.25]
    assert max(api.slept) == 5
    assert sum(api.slept) == pytest.approx(900)
    assert len(api.asked) < 200


def test_the_set_is_fixed_by_the_first_answer(waiting: Wait) -> None:
    more = said(None, reason="more-to-read", next_cursor="c")
    found, api = waiting(prefix(), [said(None, reason="not-heard-yet"), more, said(True)])
    assert found["arrived"] is True
    assert [asked["until"] for _, asked in api.asked] == [None, "then", "then"]
    assert [asked["cursor"] for _, asked in api.asked] == [None, None, "c"]
    assert len(api.slept) == 1, "a cursor is followed at once"


def test_a_long_walk_goes_on_where_it_was_refused(waiting: Wait) -> None:
    more = [said(None, reason="more-to-read", next_cursor=name) for name in "abc"]
    answers = [*more, ApiProblem(429, {}), said(None, reason="not-heard-yet"), said(True)]
    found, api = waiting(prefix(), answers)
    assert found["arrived"] is True
    cursors = [asked["cursor"] for _, asked in api.asked]
    assert cursors == [None, "a", "b", "c", "c", None]
    assert len(api.slept) == 2


def test_what_fails_or_will_never_be_known_ends_the_wait_at_once(waiting: Wait) -> None:
    for last in (said(False, failures=[{}]), said(None, reason="not-listed-before")):
        found, api = waiting(prefix(), [last])
        assert found["timed_out"] is False
        assert api.slept == []


def test_an_api_that_does_not_answer_is_asked_again(waiting: Wait) -> None:
    passing = [ApiProblem(503, {}), ApiProblem(429, {}), httpx.ConnectError("refused")]
    found, api = waiting(prefix(), [*passing, said(True)])
    assert found["arrived"] is True
    assert api.slept == [1.0, 1.5, 2.25]
    with pytest.raises(ApiProblem):
        waiting(prefix(), [ApiProblem(503, {})], timeout=5)
    with pytest.raises(ApiProblem):
        waiting(prefix(), [ApiProblem(403, {})])


def test_only_what_has_not_arrived_is_asked_about_again(waiting: Wait) -> None:
    names = [Named(f"run/{number}", "v") for number in range(2_500)]

    def states(*open_: str) -> Callable[[Any], dict[str, Any]]:
        def answer(body: Any) -> dict[str, Any]:
            keys = [one["key"] for one in body["objects"]]
            return said(None, objects=["pending" if key in open_ else "arrived" for key in keys])

        return answer

    wanted = ManifestSet(WHERE, None, None, names)
    rounds = [states("run/7"), states("run/1500"), states(), states("run/7"), states()]
    found, api = waiting(wanted, rounds)
    assert [len(body["objects"]) for body, _ in api.asked] == [1_000, 1_000, 500, 2, 1]
    assert found["counts"]["arrived"] == found["counts"]["total"] == 2_500
    assert found["arrived"] is True
