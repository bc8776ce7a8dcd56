"""Single statements of a PartiQL batch that are throttled on demand."""

from __future__ import annotations

import itertools
import urllib.error
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.local.conftest import Emulator

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

CODES = {"ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"}
_numbers = itertools.count(1)


class Table:
    """A table that takes batches of inserts."""

    def __init__(self, emulator: Emulator) -> None:
        self.name = f"throttled-{next(_numbers)}"
        self.dynamodb = emulator.client("dynamodb")
        self.dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def insert(self, *keys: str) -> list[str | None]:
        """Error of each statement; the call as such succeeds."""
        statement = f"INSERT INTO \"{self.name}\" VALUE {{'pk': ?}}"
        answer: dict[str, Any] = self.dynamodb.batch_execute_statement(
            Statements=[{"Statement": statement, "Parameters": [{"S": key}]} for key in keys]
        )
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        return [each.get("Error", {}).get("Code") for each in answer["Responses"]]

    def keys(self) -> set[str]:
        found = self.dynamodb.scan(TableName=self.name, ConsistentRead=True)["Items"]
        return {item["pk"]["S"] for item in found}


@pytest.fixture
def table(emulator: Emulator) -> Table:
    return Table(emulator)


KEYS = [str(number) for number in range(25)]


def test_nothing_is_throttled_unasked(table: Table) -> None:
    assert table.insert(*KEYS) == [None] * 25


def test_a_share_of_the_statements_is_throttled_and_the_others_take_effect(
    emulator: Emulator, table: Table
) -> None:
    table.insert(KEYS[0])
    before = emulator.admin(of="dynamodb")["stats"]
    with emulator.settings("dynamodb", statement_throttle_rate=0.5):
        errors = table.insert(*KEYS)
        after = emulator.admin(of="dynamodb")["stats"]
    throttled = {key for key, error in zip(KEYS, errors, strict=True) if error in CODES}
    assert 0 < len(throttled) < len(KEYS)
    assert table.keys() == (set(KEYS) - throttled) | {KEYS[0]}
    # An error of its own stays with its statement.
    assert {error for error in errors if error not in CODES} <= {None, "DuplicateItem"}
    assert (KEYS[0] in throttled) != (errors[0] == "DuplicateItem")
    assert after["statements"] - before["statements"] == len(KEYS)
    assert after["throttled"] - before["throttled"] == len(throttled)
    assert table.insert(*sorted(throttled)) == [
        "DuplicateItem" if key == KEYS[0] else None for key in sorted(throttled)
    ]


def test_a_batch_can_be_throttled_whole(emulator: Emulator, table: Table) -> None:
    with emulator.settings("dynamodb", statement_throttle_rate=1):
        errors = table.insert(*KEYS)
    assert set(errors) == CODES
    assert table.keys() == set()


def test_one_seed_throttles_the_same_statements(emulator: Emulator) -> None:
    runs = []
    for seed in (7, 7, 8):
        with emulator.settings("dynamodb", statement_throttle_rate=0.5, seed=seed):
            runs.append(Table(emulator).insert(*KEYS))
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("values", [{"statement_throttle_rate": 2}, {"event_drop_rate": 1}])
def test_a_wrong_setting_is_refused(emulator: Emulator, values: dict[str, float]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        emulator.admin(values, of="dynamodb")
    assert emulator.admin(of="dynamodb")["settings"]["statement_throttle_rate"] == 0
