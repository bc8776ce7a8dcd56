"""PartiQL writes go to the table's stream.

AWS: a write made with ExecuteStatement, BatchExecuteStatement or ExecuteTransaction puts the same
record on the stream as PutItem, UpdateItem or DeleteItem would.
MiniStack 1.5.33: PartiQL writes change the table and emit nothing.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

Change = tuple[str, dict[str, Any] | None, dict[str, Any] | None]
"""Table name, item before, item after."""

_statement: contextvars.ContextVar[list[Change] | None] = contextvars.ContextVar(
    "local_partiql_statement", default=None
)
_transaction: contextvars.ContextVar[list[Change] | None] = contextvars.ContextVar(
    "local_partiql_transaction", default=None
)


def apply(dynamodb: ModuleType) -> None:
    """Watch the two functions that change a table, and emit what a PartiQL statement did there.

    What a transaction did is emitted when all of it succeeded; one that is rolled back emits
    nothing.  Writes of the other APIs emit by themselves and are not watched.
    """
    emit = require(
        dynamodb, "_emit_stream_event", "table_name", "event_name", "old_item", "new_item"
    )

    def emit_all(changes: list[Change]) -> None:
        for table_name, old, new in changes:
            name = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
            emit(table_name, name, old, new)

    wrap(dynamodb, "_set_item", "table", "pk_val", "sk_val", "item", by=_watch_set)
    wrap(dynamodb, "_remove_item", "table", "pk_val", "sk_val", by=_watch_remove)
    for name in ("_partiql_insert", "_partiql_update", "_partiql_delete"):
        wrap(dynamodb, name, "table", "parsed", by=lambda inner: _statements(inner, emit_all))
    wrap(dynamodb, "_execute_transaction", "data", by=lambda inner: _transactions(inner, emit_all))


def _watch_set(inner: Callable[..., Any]) -> Callable[..., Any]:
    def set_item(table: Any, pk_val: Any, sk_val: Any, item: Any) -> Any:
        old = inner(table, pk_val, sk_val, item)
        changes = _statement.get()
        if changes is not None:
            changes.append((table["TableName"], old, item))
        return old

    return set_item


def _watch_remove(inner: Callable[..., Any]) -> Callable[..., Any]:
    def remove_item(table: Any, pk_val: Any, sk_val: Any) -> Any:
        old = inner(table, pk_val, sk_val)
        changes = _statement.get()
        if changes is not None and old is not None:
            changes.append((table["TableName"], old, None))
        return old

    return remove_item


def _statements(
    inner: Callable[..., Any], emit_all: Callable[[list[Change]], None]
) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        changes: list[Change] = []
        token = _statement.set(changes)
        try:
            response = inner(*args, **kwargs)
        finally:
            _statement.reset(token)
        if response[0] == 200:
            pending = _transaction.get()
            if pending is None:
                emit_all(changes)
            else:
                pending.extend(changes)
        return response

    return run


def _transactions(
    inner: Callable[..., Any], emit_all: Callable[[list[Change]], None]
) -> Callable[..., Any]:
    def run(data: Any) -> Any:
        changes: list[Change] = []
        token = _transaction.set(changes)
        try:
            response = inner(data)
        finally:
            _transaction.reset(token)
        if response[0] == 200:
            emit_all(changes)
        return response

    return run
