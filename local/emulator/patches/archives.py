"""Event archives can be deployed, and a replay reaches the rules it names and no others.

AWS: CloudFormation makes `AWS::Events::Archive`; `StartReplay` sends events to the rules of
`Destination.FilterArns`, or to all when there are none.
MiniStack 1.5.33: refuses the resource type, and replays to every rule of the bus.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    Properties = Mapping[str, Any]

TYPE = "AWS::Events::Archive"
_LONGEST_NAME = 48


def apply(eventbridge: ModuleType, provisioners: ModuleType) -> None:
    handlers = require(provisioners, "_RESOURCE_HANDLERS")
    name_of = require(provisioners, "_physical_name", "stack_name", "logical_id")
    for name in ("_create_archive", "_update_archive", "_delete_archive", "_archive_event"):
        require(eventbridge, name)
    handlers[TYPE] = _Provisioner(eventbridge, name_of).handlers()
    wrap(
        eventbridge,
        "_invoke_target",
        "target",
        "event",
        "rule",
        by=lambda i: _named(eventbridge, i),
    )


class _Provisioner:
    """The resource type, by way of the service's own calls."""

    def __init__(self, eventbridge: Any, name_of: Callable[..., str]) -> None:
        self._eventbridge = eventbridge
        self._name_of = name_of

    def handlers(self) -> dict[str, Any]:
        return {"create": self._create, "update": self._update, "delete": self._delete}

    def _create(self, logical_id: str, props: Properties, stack_name: str) -> Any:
        name = props.get("ArchiveName") or self._name_of(
            stack_name, logical_id, max_len=_LONGEST_NAME
        )
        made = _checked(self._eventbridge._create_archive(_request(name, props)))
        return name, {"Arn": made["ArchiveArn"]}

    def _update(self, name: str, _old: Properties, props: Properties, _stack_name: str) -> Any:
        made = _checked(self._eventbridge._update_archive(_request(name, props)))
        return name, {"Arn": made["ArchiveArn"]}

    def _delete(self, name: str, _props: Properties) -> None:
        self._eventbridge._delete_archive({"ArchiveName": name})


def _request(name: str, props: Properties) -> dict[str, Any]:
    pattern = props.get("EventPattern", "")
    return {
        **{key: value for key, value in props.items() if key != "SourceArn"},
        "ArchiveName": name,
        "EventSourceArn": props["SourceArn"],
        "EventPattern": pattern if isinstance(pattern, str) else json.dumps(pattern),
    }


def _checked(response: Any) -> Any:
    status, _, body = response
    if status >= 400:
        raise ValueError(f"{TYPE}: {body!r}")
    return json.loads(body)


def _named(eventbridge: Any, inner: Callable[..., Any]) -> Callable[..., Any]:
    """Of a replay that names rules, only those see its events."""

    def invoke(target: Any, event: Mapping[str, Any], rule: Mapping[str, Any], *rest: Any) -> Any:
        replay = eventbridge._replays.get(event.get("ReplayName"))
        named = replay["Destination"].get("FilterArns") if replay else None
        if named and rule["Arn"] not in named:
            return None
        return inner(target, event, rule, *rest)

    return invoke
