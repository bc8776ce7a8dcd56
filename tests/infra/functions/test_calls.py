"""Roles allow every call that the functions' code makes, found by parsing the code.

A permission that is missing fails only on AWS: local emulators allow everything.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.infra.synthesized import LAMBDAS, SERVICES, Synthesized, listed

ACTIONS = {
    ("dynamodb", "BatchExecuteStatement"): {"dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"},
    ("dynamodb", "TransactWriteItems"): {
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
    },
    ("s3", "HeadObject"): {"s3:GetObjectVersion", "s3:ListBucket"},
    ("s3", "GetObjectTagging"): {"s3:GetObjectVersionTagging"},
    ("s3", "GetBucketReplication"): {"s3:GetReplicationConfiguration"},
    ("s3", "ListObjectVersions"): {"s3:ListBucketVersions"},
    ("s3", "GetBucketNotificationConfiguration"): {"s3:GetBucketNotification"},
    ("s3", "PutBucketNotificationConfiguration"): {"s3:PutBucketNotification"},
    # Asked for the Region alone, which S3 tells those as well whom it denies the rest.
    ("s3", "HeadBucket"): set(),
    ("s3", "GetBucketEncryption"): {"s3:GetEncryptionConfiguration"},
    # Every step of a multipart upload but its abort.
    ("s3", "CreateMultipartUpload"): {"s3:PutObject"},
    ("s3", "UploadPart"): {"s3:PutObject"},
    ("s3", "CompleteMultipartUpload"): {"s3:PutObject"},
    ("s3", "GetObjectLockConfiguration"): {"s3:GetBucketObjectLockConfiguration"},
    # Of who creates a job, S3 asks whether they may pass its role.
    ("s3control", "CreateJob"): {"s3:CreateJob", "iam:PassRole"},
    ("s3control", "DescribeJob"): {"s3:DescribeJob"},
    ("s3control", "UpdateJobStatus"): {"s3:UpdateJobStatus"},
    ("sqs", "SendMessageBatch"): {"sqs:SendMessage"},
    ("sns", "PublishBatch"): {"sns:Publish"},
    ("events", "PutEvents"): {"events:PutEvents"},
}
"""Where the IAM action has another name than the operation, which always has a version id."""


def operations() -> dict[str, tuple[str, str]]:
    """Client method to service and operation, for the services the functions use."""
    session = botocore.session.Session()
    return {
        xform_name(operation): (service, operation)
        for service in ("s3control", "dynamodb", "events", "s3", "sns", "sqs")
        for operation in session.get_service_model(service).operation_names
    }


def code_of(service: str) -> set[Path]:
    """The handler's file and every file under lambdas/ that it imports, however far away."""
    todo, seen = [LAMBDAS / service / "handler.py"], set[Path]()
    while todo:
        file = todo.pop()
        if file in seen:
            continue
        seen.add(file)
        todo += [LAMBDAS / path for name in imported(file) for path in _candidates(name)]
    return {file for file in seen if file.exists()}


def imported(file: Path) -> Iterator[str]:
    if not file.exists():
        return
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)


def _candidates(module: str) -> list[str]:
    path = module.replace(".", "/")
    return [f"{path}.py", f"{path}/__init__.py"]


def calls(file: Path) -> Iterator[str]:
    """Names of the methods called, and of the operations that are paginated."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get_paginator"), args=[ast.Constant(value=str(name))]
            ):
                yield name
            case ast.Call(func=ast.Attribute(attr=name)):
                yield name


def needed(service: str) -> set[str]:
    known = operations()
    found = set()
    for file in code_of(service):
        for call in calls(file):
            if call in known:
                name, operation = known[call]
                found |= ACTIONS.get((name, operation), {f"{name}:{operation}"})
    return found


def allowed(stack: Synthesized, service: str) -> set[str]:
    role = stack.role_of(stack.function(service))
    return {
        action for statement in stack.statements(role) for action in listed(statement["Action"])
    }


@pytest.mark.parametrize("service", sorted({*SERVICES} - {"query"}))
def test_a_function_may_do_all_that_its_code_does(lists: Synthesized, service: str) -> None:
    assert needed(service), "the code calls AWS; this test has stopped seeing it"
    assert needed(service) <= allowed(lists, service)


def test_the_publisher_may_put_events_and_does_nothing_else(events: Synthesized) -> None:
    assert needed("publish") == {"events:PutEvents"}
    assert needed("publish") <= allowed(events, "publish")
    assert "sqs:SendMessage" in needed("summarize")
    assert needed("summarize") <= allowed(events, "summarize")


def test_the_backfill_may_do_all_that_its_code_does(lists: Synthesized) -> None:
    assert "s3:GetObject" in needed("backfill")
    assert needed("backfill") <= allowed(lists, "backfill")


def test_the_reconciler_may_do_all_that_its_code_does(dev: Synthesized) -> None:
    assert {"s3:GetBucketNotification", "events:DescribeRule"} <= needed("reconcile")
    assert "s3:GetReplicationConfiguration" in needed("reconcile")
    assert needed("reconcile") <= allowed(dev, "reconcile")


def test_the_summarizer_may_do_all_that_its_code_does_and_calls_no_s3(
    dev: Synthesized,
) -> None:
    assert "dynamodb:UpdateItem" in needed("summarize")
    assert needed("summarize") <= allowed(dev, "summarize")
    assert not [action for action in needed("summarize") if action.startswith("s3:")]


def test_the_redrive_function_may_do_all_that_its_code_does(redriven: Synthesized) -> None:
    assert {"s3:CreateJob", "iam:PassRole", "s3:PutObject"} <= needed("redrive")
    # It reads what others write with UpdateItem, in modules whose writes it never reaches.
    assert needed("redrive") - {"dynamodb:UpdateItem"} <= allowed(redriven, "redrive")


def test_the_notifications_function_may_do_all_that_its_code_does(dev: Synthesized) -> None:
    assert needed("notifications") == {"s3:GetBucketNotification", "s3:PutBucketNotification"}
    assert "s3:*BucketNotification" in allowed(dev, "notifications")


def test_the_query_function_may_do_what_it_does_not_share_with_the_recorder(
    dev: Synthesized,
) -> None:
    """It imports modules of the recorder whose writes it never reaches; its own reads it may do."""
    reads = {"dynamodb:Query", "dynamodb:GetItem"}
    assert reads <= needed("query")
    assert (needed("query") - needed("record")) | reads <= allowed(dev, "query")
