"""How a patch takes the place of a MiniStack function: never silently, never the wrong one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

TESTED_VERSION = "1.5.33"


class PatchError(RuntimeError):
    """MiniStack no longer has what a patch relies on."""


def require(module: ModuleType, name: str, *parameters: str) -> Any:
    """`module.name`, after checking that it is there and takes these parameters first."""
    found = getattr(module, name, None)
    if found is None:
        raise PatchError(_message(module, name, "it is not there"))
    if parameters:
        taken = tuple(inspect.signature(found).parameters)
        if taken[: len(parameters)] != parameters:
            raise PatchError(
                _message(module, name, f"it takes {', '.join(taken)}, not {', '.join(parameters)}")
            )
    return found


def wrap(
    module: ModuleType,
    name: str,
    *parameters: str,
    by: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> None:
    """Put `by(original)` where the original was."""
    original = require(module, name, *parameters)
    replacement = by(original)
    replacement.__wrapped_by_local__ = True  # type: ignore[attr-defined]
    setattr(module, name, replacement)


def _message(module: ModuleType, name: str, why: str) -> str:
    return (
        f"cannot patch {module.__name__}.{name}: {why}. The local stack was made for MiniStack "
        f"{TESTED_VERSION}; install that version (requirements/dev.txt) or adapt "
        "local/emulator/patches."
    )
