"""An item whose time to live is over is removed with a stream record that says who removed it.

AWS: the record of such a removal has `userIdentity` with the type `Service` and the principal
`dynamodb.amazonaws.com`; no other record has it.
MiniStack 1.5.33: its reaper, a thread of its own, removes the items and emits nothing.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
_REAPER = "dynamodb-ttl-reaper"


def apply(dynamodb: ModuleType) -> None:
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


def _signed(inner: Callable[..., Any]) -> Callable[..., Any]:
    def record(*args: Any, **kwargs: Any) -> Any:
        made = inner(*args, **kwargs)
        return {**made, "userIdentity": IDENTITY} if _is_reaper() else made

    return record


def _is_reaper() -> bool:
    return threading.current_thread().name == _REAPER
