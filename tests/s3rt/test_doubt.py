"""What the commands say of what is not certain, or not known."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.s3.version import ObjectVersion
from tests.s3rt.conftest import Command
from tests.support.fake_api.server import ROUTES, FakeApi
from tests.support.fake_api.world import DUBLIN, TAX, World
from tests.support.seeds import stored


@pytest.fixture
def in_doubt(api: FakeApi) -> Iterator[None]:
    """A version in doubt at one destination, one of which nobody knows where, one that no rule
    takes and one of which only its end is known."""

    def one(key: str, kind: Kind, destination: str) -> LedgerItem:
        return stored((kind, 5), of=ObjectVersion(TAX, key, "v1"), destination=destination)

    more = [
        one("maybe.pdf", Kind.POSSIBLE, DUBLIN),
        one("somewhere.pdf", Kind.POSSIBLE, ""),
        one("not-taken.pdf", Kind.INELIGIBLE, ""),
        one("ended.pdf", Kind.DELETED, ""),
    ]
    api.world.items += more
    yield
    for each in more:
        api.world.items.remove(each)


@pytest.mark.usefixtures("in_doubt")
@pytest.mark.parametrize(
    ("key", "code", "words"),
    [
        ("maybe.pdf", 3, "In doubt where it goes: S3 is asked within minutes"),
        ("somewhere.pdf", 3, "In doubt where it goes: S3 is asked within minutes"),
        ("not-taken.pdf", 4, "No replication rule takes this version."),
        ("ended.pdf", 4, "Whether a replication rule takes this version is not known."),
    ],
)
def test_status_tells_doubt_from_what_no_rule_takes(
    s3rt: Command, key: str, code: int, words: str
) -> None:
    ended = s3rt("status", f"s3://{TAX}/{key}")
    assert (ended.code, words in ended.out) == (code, True), ended.out
    assert ("in doubt" in ended.out) is (code == 3)


@pytest.mark.usefixtures("in_doubt")
def test_what_is_in_doubt_is_listed_and_can_be_asked_for(s3rt: Command, tmp_path: Path) -> None:
    where = f"s3://{TAX}/"
    rows = s3rt("ls", where, "--flag", "in_doubt", "--json").json["items"]
    assert {(row["key"], row["destination"]) for row in rows} == {
        ("maybe.pdf", DUBLIN),
        ("somewhere.pdf", None),
    }
    assert s3rt("ls", where, "--flag", "in_doubt").out.count("? in doubt") == 2
    assert s3rt("ls", where, "--flag", "red").code == 2
    file = tmp_path / "rows.csv"
    s3rt("export", where, "--flag", "in_doubt", "-o", str(file))
    assert [row["in_doubt"] for row in csv.DictReader(file.read_text().splitlines())] == [
        *("True", "True"),
    ]


def test_a_list_that_may_lack_something_says_how_far_was_heard(
    s3rt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = "2026-11-22T09:00:00.000Z"
    behind: dict[str, Any] = {
        "items": [],
        "next_cursor": None,
        "complete": False,
        "heard_until": heard,
    }
    monkeypatch.setitem(ROUTES, "/v1/buckets/{bucket}/objects", lambda world, bucket, query: behind)
    assert f"has not heard of its end yet; heard until {heard}." in s3rt("ls", f"s3://{TAX}/").out
    assert s3rt("ls", f"s3://{TAX}/", "--json").json["heard_until"] == heard


def test_a_watermark_that_does_not_cover_everything_says_why(
    s3rt: Command, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = api.world.histories
    histories[TAX] = replace(known, listed=False) if (known := histories[TAX]) else None
    monkeypatch.setattr(World, "histories", histories)
    (one,) = s3rt("watermark", TAX, "--json").json["items"]
    assert (one["complete"], one["reason"]) == (False, "not-listed-before")
    told = f"{TAX}: What {TAX} held before it was tracked was never listed"
    for command in ("watermark", "summary"):
        assert told in s3rt(command, TAX).out


def test_the_summary_counts_what_is_in_doubt(
    s3rt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = ROUTES["/v1/buckets/{bucket}/summary"]

    def doubtful(world: World, bucket: str, query: Any) -> Any:
        answer = summary(world, bucket, query)
        for one in answer["destinations"]:
            one["counts"]["in_doubt"] = {"count": 4, "bytes": 9}
            one["counts"]["failed"]["count"] = 0
            one["oldest_pending"] = None
            one["counts"]["pending"]["count"] = 0
        return answer

    monkeypatch.setitem(ROUTES, "/v1/buckets/{bucket}/summary", doubtful)
    (one,) = s3rt("summary", TAX, "--json").json["items"]
    assert (one["in_doubt"], one["state"]) == (4, "replicating")
    assert "IN DOUBT" in s3rt("summary", TAX).out
