"""The table is what the functions' code takes it for, and it is hard to lose."""

import pytest

from tests.infra.synthesized import Synthesized


def test_the_table_has_the_keys_the_code_writes(stack: Synthesized) -> None:
    assert {key["KeyType"]: key["AttributeName"] for key in stack.table["KeySchema"]} == {
        "HASH": "pk",
        "RANGE": "sk",
    }
    attributes = stack.table["AttributeDefinitions"]
    assert {item["AttributeName"]: item["AttributeType"] for item in attributes} == {
        "pk": "S",
        "sk": "S",
        "route": "S",
        "position": "S",
        "held": "S",
    }


@pytest.mark.parametrize(("name", "sort_key"), [("routes", "position"), ("held", "held")])
def test_each_index_carries_what_lists_show(stack: Synthesized, name: str, sort_key: str) -> None:
    assert len(stack.table["GlobalSecondaryIndexes"]) == 2
    (index,) = (one for one in stack.table["GlobalSecondaryIndexes"] if one["IndexName"] == name)
    assert {key["KeyType"]: key["AttributeName"] for key in index["KeySchema"]} == {
        "HASH": "route",
        "RANGE": sort_key,
    }
    assert index["Projection"]["ProjectionType"] == "INCLUDE"
    assert set(index["Projection"]["NonKeyAttributes"]) == {
        "rule_id",
        "status",
        "since",
        "requested_at",
        "size",
        "failure_code",
        "evidence",
        "late",
        "lost_at",
        "in_doubt",
        "failed_at",
    }


def test_the_stream_carries_both_images(stack: Synthesized) -> None:
    assert stack.table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_the_table_is_on_demand_backed_up_encrypted_and_forgets_by_ttl(stack: Synthesized) -> None:
    table = stack.table
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_ledger_of_prod_outlives_its_stack(prod: Synthesized) -> None:
    assert prod.table["DeletionProtectionEnabled"] is True
    assert prod.table.raw["DeletionPolicy"] == "Retain"
    assert prod.table.raw["UpdateReplacePolicy"] == "Retain"


def test_the_ledger_of_another_stage_goes_with_it(dev: Synthesized) -> None:
    assert dev.table["DeletionProtectionEnabled"] is False
    assert dev.table.raw["DeletionPolicy"] == "Delete"
