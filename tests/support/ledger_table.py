"""A table of the ledger's shape, as `infra/ledger.py` says it: read from there without CDK, whose
import starts Node.js."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).parents[2] / "infra" / "ledger.py"


@cache
def _constants() -> dict[str, Any]:
    """The constants of that module that are plain literals."""
    found = {}
    for node in ast.parse(_SOURCE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


PROJECTED: tuple[str, ...] = _constants()["PROJECTED"]
"""What the indexes hold of an item beside its keys."""
_SORT_KEYS = {_constants()["ROUTES_INDEX"]: "position", _constants()["LACKING_INDEX"]: "held"}


def create(client: Any, name: str, **more: Any) -> None:
    """Makes the table. `more` are further arguments of CreateTable."""
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": "S"}
            for attribute in ("pk", "sk", "route", *_SORT_KEYS.values())
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": "route", "KeyType": "HASH"},
                    {"AttributeName": sort_key, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(PROJECTED)},
            }
            for index, sort_key in _SORT_KEYS.items()
        ],
        **more,
    )
