"""Patches refuse a MiniStack they do not know, and the stream reader retries as AWS does."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from local.emulator.patches import permissions
from local.emulator.patches.stream_mappings import Verdict, judge, pause
from local.emulator.patches.wrap import PatchError, require, wrap


def module() -> Any:
    made = ModuleType("ministack.example")
    made.greet = lambda name, loud=False: f"hello {name}"  # type: ignore[attr-defined]
    return made


def test_a_patch_wraps_the_original() -> None:
    patched = module()
    wrap(patched, "greet", "name", by=lambda inner: lambda name: inner(name).upper())
    assert patched.greet("s3") == "HELLO S3"


def test_a_patch_refuses_a_function_that_is_gone() -> None:
    with pytest.raises(PatchError, match=r"ministack\.example\.farewell: it is not there"):
        require(module(), "farewell")


def test_a_patch_refuses_a_function_with_other_parameters() -> None:
    with pytest.raises(PatchError, match="takes name, loud, not person"):
        wrap(module(), "greet", "person", by=lambda inner: inner)


BATCH = [{"dynamodb": {"SequenceNumber": str(number)}} for number in (10, 11, 12)]


def reported(*numbers: str | None) -> dict[str, Any]:
    return {"body": {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}}


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ({"body": None}, Verdict(3, failed=False)),
        ({"body": {}}, Verdict(3, failed=False)),
        ({"body": {"batchItemFailures": []}}, Verdict(3, failed=False)),
        ({"body": {"batchItemFailures": None}}, Verdict(3, failed=False)),
        ({"error": True, "body": {"errorMessage": "boom"}}, Verdict(0, failed=True)),
        (reported("11"), Verdict(1, failed=True)),
        (reported("12", "11"), Verdict(1, failed=True)),
        (reported("10"), Verdict(0, failed=True)),
        (reported(""), Verdict(0, failed=True)),
        (reported(None), Verdict(0, failed=True)),
        (reported("99"), Verdict(0, failed=True)),
        ({"body": {"batchItemFailures": [{"id": "11"}]}}, Verdict(0, failed=True)),
        ({"body": "no json"}, Verdict(0, failed=True)),
        ({"body": json.dumps(reported("11")["body"])}, Verdict(1, failed=True)),
    ],
)
def test_a_batch_is_done_up_to_the_first_reported_failure(
    result: dict[str, Any], verdict: Verdict
) -> None:
    assert judge(result, BATCH, partial=True) == verdict


def test_reports_count_only_when_the_mapping_asks_for_them() -> None:
    assert judge(reported("11"), BATCH, partial=False) == Verdict(3, failed=False)


def test_pauses_grow_and_stay_bounded() -> None:
    pauses = [pause(attempt) for attempt in range(1, 40)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.2
    assert pauses[-1] == 5.0


@pytest.mark.parametrize(
    ("operation", "request_", "rule"),
    [
        ("DescribeRule", {"Name": "ours"}, "ours"),
        ("ListTargetsByRule", {"Rule": "ours", "EventBusName": "default"}, "ours"),
        ("PutTargets", {"Rule": "ours"}, "ours"),
        ("DescribeRule", {"Name": "ours", "EventBusName": "another"}, None),
        ("DescribeEventBus", {"Name": "default"}, None),
        ("PutEvents", {"Entries": []}, None),
    ],
)
def test_a_request_about_a_rule_is_authorized_on_that_rule(
    operation: str, request_: dict[str, str], rule: str | None
) -> None:
    headers = {"X-Amz-Target": f"AWSEvents.{operation}"}
    assert permissions.rule_of(headers, json.dumps(request_).encode()) == rule


def test_a_statement_needs_the_permission_of_what_it_does() -> None:
    batch = {
        "Statements": [
            {"Statement": "INSERT INTO \"ledger\" VALUE {'pk': ?}"},
            {"Statement": 'UPDATE "ledger" SET "a"=? WHERE "pk"=?'},
            {"Statement": 'delete from "other" WHERE "pk"=?'},
        ]
    }
    assert permissions.asked(batch) == [
        ("dynamodb:PartiQLInsert", "ledger"),
        ("dynamodb:PartiQLUpdate", "ledger"),
        ("dynamodb:PartiQLDelete", "other"),
    ]
    single = {"Statement": 'SELECT "a", "b" FROM "ledger" WHERE "pk"=?'}
    assert permissions.asked(single) == [("dynamodb:PartiQLSelect", "ledger")]
    with pytest.raises(ValueError, match="no PartiQL statement"):
        permissions.asked({"Statement": "EXPLAIN everything"})
