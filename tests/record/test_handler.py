"""The record function as Lambda calls it: a batch in, the ledger and the dead letters out."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from replication.settings import MissingSettings
from tests.replication.aws.table.conftest import dynamodb, table
from tests.support.handlers import CONTEXT, DESTINATION, SOURCE, Aws, records, surroundings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["dynamodb", "table"]

pytestmark = pytest.mark.e2e

CREATED = (Path(__file__).parents[1] / "events" / "eventbridge-object-created.json").read_text()


@pytest.fixture
def aws(
    dynamodb: "DynamoDBClient",
    table: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Aws]:
    variables = {"INGEST_DEAD_LETTER_QUEUE_URL": ""}
    with surroundings(dynamodb, table, monkeypatch, variables) as found:
        from record.wiring import service

        service.cache_clear()
        yield found
        service.cache_clear()


def record(*bodies: object) -> Any:
    from record.handler import handler

    return handler(records(*bodies), CONTEXT)


def test_a_creation_is_in_the_ledger_and_its_message_is_done(aws: Aws) -> None:
    assert record(CREATED) == {"batchItemFailures": []}
    (item,) = aws.items()
    assert item["pk"]["S"] == f"{SOURCE}/TaxDocs/document1.pdf"
    assert item["sk"]["S"].endswith(f"#{DESTINATION}")
    assert item["status"]["S"] == "PENDING"
    assert aws.sent() == []


def test_what_cannot_be_understood_is_a_dead_letter_and_keeps_nothing_back(aws: Aws) -> None:
    assert record("no JSON", CREATED) == {"batchItemFailures": []}
    (letter,) = aws.sent()
    assert letter["Body"] == "no JSON"
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "not-json"
    assert len(aws.items()) == 1


def test_an_incomplete_environment_names_what_is_missing(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INGEST_DEAD_LETTER_QUEUE_URL")
    from record.wiring import service

    with pytest.raises(MissingSettings, match="INGEST_DEAD_LETTER_QUEUE_URL"):
        service()
