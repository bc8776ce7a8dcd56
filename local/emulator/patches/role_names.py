"""A role's name belongs to one stack.

AWS: IAM is one for all Regions of an account, so a stack that names a role which is there already
fails; a name has at most 64 characters.
MiniStack 1.5.33: CloudFormation puts the new role in place of the old one, whoever made that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

TYPE = "AWS::IAM::Role"
_LONGEST_NAME = 64


def apply(iam: ModuleType, provisioners: ModuleType) -> None:
    roles = require(iam, "_roles")
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
