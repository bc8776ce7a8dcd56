"""An item whose time to live is over is removed with a stream record that says who removed it.

AWS: the record of such a removal has `userIdentity` with the type `Service` and the principal
`dynamodb.amazonaws.com`; no other record has it. A table of a template has the time to live that
the template gives it.
MiniStack 1.5.33: its reaper, a thread of its own, removes the items and emits nothing; and a table
that CloudFormation makes has no time to live.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
_REAPER = "dynamodb-ttl-reaper"


TYPE = "AWS::DynamoDB::Table"


def apply(dynamodb: ModuleType, provisioners: ModuleType) -> None:
    handlers = require(provisioners, "_RESOURCE_HANDLERS")
    update = require(dynamodb, "_update_ttl", "data")
    handlers[TYPE] = {**handlers[TYPE], "create": _with_ttl(handlers[TYPE]["create"], update)}
    emit = require(
        dynamodb, "_emit_stream_event", "table_name", "event_name", "old_item", "new_item"
    )

    def removes(inner: Callable[..., Any]) -> Callable[..., Any]:
        def remove_item(table: Any, pk_val: Any, sk_val: Any) -> Any:
            old = inner(table, pk_val, sk_val)
            if old is not None and _is_reaper():
                from ministack.core.responses import request_scope

                _, _, _, region, account, _ = table["TableArn"].split(":", 5)
                with request_scope(account, region):
                    emit(table["TableName"], "REMOVE", old, None)
            return old

        return remove_item

    wrap(dynamodb, "_remove_item", "table", "pk_val", "sk_val", by=removes)
    wrap(dynamodb, "_build_change_record", "table", "event_name", by=_signed)


def _with_ttl(
    inner: Callable[..., Any], update: Callable[[dict[str, Any]], Any]
) -> Callable[..., Any]:
    def create(logical_id: str, props: Mapping[str, Any], stack_name: str) -> Any:
        made = inner(logical_id, props, stack_name)
        if wanted := props.get("TimeToLiveSpecification"):
            enabled = str(wanted.get("Enabled")).lower() == "true"
            spec = {**wanted, "Enabled": enabled}
            update({"TableName": made[0], "TimeToLiveSpecification": spec})
        return made

    return create


def _signed(inner: Callable[..., Any]) -> Callable[..., Any]:
    def record(*args: Any, **kwargs: Any) -> Any:
        made = inner(*args, **kwargs)
        return {**made, "userIdentity": IDENTITY} if _is_reaper() else made

    return record


def _is_reaper() -> bool:
    return threading.current_thread().name == _REAPER
