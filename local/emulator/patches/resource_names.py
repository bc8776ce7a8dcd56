"""What stacks make has names of their own, in whichever Region they are.

AWS: IAM is one for all Regions of an account, so a stack that names a role which is there already
fails; a name has at most 64 characters. Names that CloudFormation gives are never given twice.
MiniStack 1.5.33: CloudFormation puts the new role in place of the old one, whoever made that, and
gives two stacks of one name the same names in every Region.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

TYPE = "AWS::IAM::Role"
_LONGEST_NAME = 64
_SUFFIX = 13
"""Characters at the end of a name that CloudFormation gives; MiniStack's are a hash of the names of
stack and resource."""


def apply(iam: ModuleType, provisioners: ModuleType) -> None:
    roles = require(iam, "_roles")
    wrap(provisioners, "_physical_name", "stack_name", "logical_id", by=_of_place)
    handlers = require(provisioners, "_RESOURCE_HANDLERS")
    made = handlers[TYPE]

    def create(logical_id: str, props: Mapping[str, Any], stack_name: str) -> Any:
        name = str(props.get("RoleName", ""))
        if len(name) > _LONGEST_NAME:
            raise ValueError(f"{TYPE}: {name}: a name has at most {_LONGEST_NAME} characters")
        if name and roles.get(name) is not None:
            raise ValueError(f"{name} already exists")
        return made["create"](logical_id, props, stack_name)

    handlers[TYPE] = {**made, "create": create}


def _of_place(inner: Callable[..., str]) -> Callable[..., str]:
    def name(stack_name: str, logical_id: str, **more: Any) -> str:
        from ministack.core.responses import get_account_id, get_region

        found = inner(stack_name, logical_id, **more)
        key = f"{found[-_SUFFIX:]}:{get_account_id()}:{get_region()}"
        suffix = hashlib.sha256(key.encode()).hexdigest()[:_SUFFIX]
        return found[:-_SUFFIX] + (suffix if found.islower() else suffix.upper())

    return name
