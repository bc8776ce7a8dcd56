"""What the failure topic says of a record that became FAILED."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from announce.failure_message import announcement
from query.rows import schemas
from replication.aws.table.ledger_item import compact, item_of
from replication.aws.table.stream_record import became_failed, read_image
from replication.errors import Unreadable
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.published.sns_message import SnsMessage
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.support import strategies
from tests.support.seeds import arrived, at, failed, requested, stored, version

NOW = Instant("2026-11-22T10:01:00.000Z")

statuses = st.sampled_from([None, *Status])
unicode_keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


def image(record: LedgerItem) -> dict[str, Any]:
    return item_of(record, 4)


def announced(image: dict[str, Any]) -> SnsMessage:
    """What is told of an item that the stream has an image of."""
    return announcement(read_image(image), NOW)


def with_status(status: Status | None) -> dict[str, Any] | None:
    return {"status": {"S": str(status)}} if status else {}


@given(st.none() | statuses, statuses)
def test_only_the_edge_into_failed_is_a_new_failure(old: Status | None, new: Status | None) -> None:
    edge = new is Status.FAILED and old is not Status.FAILED
    assert became_failed(with_status(old), with_status(new)) is edge
    assert became_failed(None, with_status(new)) is (new is Status.FAILED)
    assert became_failed(with_status(old), None) is False


@pytest.mark.parametrize(
    ("before", "after", "new_failure"),
    [
        ([requested()], [failed(3)], True),
        ([], [requested(), failed(3)], True),
        ([requested(), arrived(1)], [(Kind.CHANGED, 2), failed(3)], True),
        ([requested(), failed(3)], [(Kind.NOTED, 4)], False),
        ([requested(), failed(3)], [arrived(4)], False),
        ([requested()], [arrived(4)], False),
        ([requested(5)], [failed(3)], False),
    ],
)
def test_an_item_is_announced_when_it_becomes_failed(
    before: list[Any], after: list[Any], new_failure: bool
) -> None:
    old = image(stored(*before)) if before else None
    assert became_failed(old, image(stored(*before, *after))) is new_failure


def test_the_body_is_the_row_with_what_a_program_needs_to_go_on() -> None:
    body = announced(image(stored(requested(), failed(3)))).body
    assert body["replication_status"] == "FAILED"
    assert body["event_id"].startswith("edge-")
    assert body["age_seconds"] == 57.0
    assert body["failure"]["code"] == "DstPutObjectNotPermitted"
    assert body["api_path"] == "/v1/buckets/src/object?key=a%2Fkey&version_id=v1"
    row = {
        name: value
        for name, value in body.items()
        if name not in ("replication_status", "api_path", "event_id")
    }
    schemas.Row.model_validate(row)
    json.dumps(body)


def test_attributes_are_what_subscriptions_filter_by() -> None:
    found = announced(image(stored(requested(), failed(3)))).attributes
    assert found == {
        "bucket": "src",
        "destination": "dst-a",
        "rule_id": "rule-a",
        "failure_code": "DstPutObjectNotPermitted",
        "status": "FAILED",
    }


def test_an_unknown_attribute_is_left_out() -> None:
    read = stored((Kind.OBSERVED, 3, {"status": Status.FAILED}))
    found = announced(image(read))
    assert found.attributes.keys() == {"bucket", "destination", "status"}
    assert found.body["failure"]["code"] is None
    assert found.body["failure"]["fix"]


@given(unicode_keys, unicode_keys)
def test_any_key_gives_a_message_sns_takes(key: str, version_id: str) -> None:
    record = stored(requested(), failed(3), of=ObjectVersion("src", key, version_id))
    found = announced(image(record))
    assert 0 < len(found.subject) < 100
    assert found.subject.isascii()
    assert found.subject.isprintable()
    assert "failed" in found.subject
    assert all(value and value.isprintable() for value in found.attributes.values())
    path = urlsplit(found.body["api_path"])
    assert path.path == "/v1/buckets/src/object"
    assert parse_qs(path.query, keep_blank_values=True) == {
        "key": [key],
        "version_id": [version_id],
    }


def test_a_long_subject_is_cut_where_its_key_goes_on() -> None:
    record = stored(requested(), failed(3), of=version("deep/" * 100))
    subject = announced(image(record)).subject
    assert len(subject) == 99
    assert subject.startswith("S3 replication failed: src to dst-a, DstPutObjectNotPermitted, deep")
    assert subject.endswith("...")


def test_control_characters_cannot_keep_a_message_from_going_out() -> None:
    found = announced(image(stored(requested(rule_id="a\nb\0"), failed(3))))
    assert found.attributes["rule_id"] == "a?b?"
    assert found.body["rule_id"] == "a\nb\0"


def test_the_event_that_decided_is_named_and_not_one_before_or_after() -> None:
    record = stored(
        requested(0), failed(3), arrived(4), (Kind.CHANGED, 5), failed(6), (Kind.NOTED, 7)
    )
    again = stored(
        requested(0), failed(3), arrived(4), (Kind.CHANGED, 5), failed(6), (Kind.NOTED, 8)
    )
    first = stored(requested(0), failed(3))
    ids = [announced(image(one)).body["event_id"] for one in (record, again, first)]
    assert ids[0] == ids[1] != ids[2]


def test_two_failures_never_have_one_id_although_one_look_or_one_report_told_of_them() -> None:
    head = {"status": Status.FAILED, "id": "head:2026", "evidence": Evidence.HEAD_SOURCE}
    found = {
        announced(image(stored(requested(), (Kind.OBSERVED, 9, head), of=version(key)))).body[
            "event_id"
        ]
        for key in ("a/1", "a/2", "a/3")
    }
    assert len(found) == 3


def test_an_edge_that_is_no_longer_kept_is_named_by_its_time() -> None:
    notes = [(Kind.NOTED, float(second)) for second in range(10, 3000)]
    record = compact(stored(requested(0), failed(3), *notes))
    assert record.base is not None
    assert announced(image(record)).body["event_id"].startswith("edge-")


@pytest.mark.parametrize(
    "change",
    [
        {"evidence": {"S": "told_by_a_newer_release"}},
        {"f#2026-11-22T10:00:09.000Z#6#aa": {"M": {"k": {"S": "a_newer_kind"}}}},
        {"f#2026-11-22T10:00:09.000Z#6#aa": {"S": "another shape"}},
        {"base": {"S": "another shape"}},
    ],
)
def test_what_a_newer_release_wrote_is_announced_as_far_as_it_can_be_read(
    change: dict[str, Any],
) -> None:
    found = announced(image(stored(requested(), failed(3))) | change)
    assert found.body["key"] == "a/key"
    assert found.body["failure"]["code"] == "DstPutObjectNotPermitted"
    assert found.body["since"] == at(3)
    assert found.body["event_id"].startswith("edge-")
    assert found.attributes["failure_code"] == "DstPutObjectNotPermitted"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"status": {"S": "FAILED"}},
        {"pk": {"S": "src/k"}, "status": {"S": "FAILED"}},
        {"pk": {"B": b"x"}, "sk": {"S": "v#d"}, "status": {"S": "FAILED"}},
    ],
)
def test_what_is_no_item_of_the_ledger_is_unreadable(broken: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        announced(broken)


@given(strategies.histories(min_size=1))
def test_any_failed_record_can_be_announced(facts: list[Fact]) -> None:
    failure = replace(facts[0], kind=Kind.FAILED, at=Instant("2026-11-22T00:00:01.000Z"))
    record = LedgerItem(strategies.VERSION, "dst", fold([*facts, failure]))
    assert announced(image(record)).body["event_id"] is not None


def test_the_version_in_the_path_is_the_one_that_failed() -> None:
    record = stored(requested(), failed(3), of=version("k&=#", "null"))
    assert announced(image(record)).body["api_path"].endswith("?key=k%26%3D%23&version_id=null")


def test_what_an_inventory_lists_as_failed_long_ago_is_no_news() -> None:
    image = {"status": {"S": "FAILED"}, "evidence": {"S": "inventory"}}
    assert not became_failed(None, image)
    assert became_failed(None, image | {"evidence": {"S": "head_source"}})
