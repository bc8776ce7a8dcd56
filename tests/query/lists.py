"""Asks for lists of rows."""

from typing import Any

from tests.query.conftest import get

LIST = "/v1/buckets/src/objects"


def keys(**parameters: object) -> list[str]:
    answer = get(LIST, **parameters)
    assert answer.status == 200, answer.text
    return [row["key"] for row in answer.json["items"]]


def every_page(path: str = LIST, **parameters: object) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(300):
        page = get(path, **parameters, **cursor).json
        rows += page["items"]
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}
    raise AssertionError("the list never ends")
