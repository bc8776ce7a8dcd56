"""A new function leaves functions of the same name in other Regions and accounts alone.

AWS: a function's name is its own within a Region of an account.
MiniStack 1.5.33: CloudFormation ends the workers of every function of that name, wherever it is,
while they work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def apply(lambda_svc: ModuleType) -> None:
    wrap(lambda_svc, "invalidate_worker", "func_name", "qualifier", "account", "region", by=_here)


def _here(inner: Callable[..., Any]) -> Callable[..., Any]:
    def invalidate(
        func_name: str,
        qualifier: str | None = None,
        account: str | None = None,
        region: str | None = None,
    ) -> Any:
        from ministack.core.responses import get_account_id, get_region

        return inner(
            func_name,
            qualifier=qualifier,
            account=account or get_account_id(),
            region=region or get_region(),
        )

    return invalidate
