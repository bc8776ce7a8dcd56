"""Operations that are no IAM actions are authorized as what they do, and those on a rule of
EventBridge on that rule.

AWS: a batch of messages needs what one message needs (`sqs:SendMessage`, `sns:Publish`, ...).
`BatchExecuteStatement` and `ExecuteStatement` need `dynamodb:PartiQLInsert`, `PartiQLUpdate`,
`PartiQLDelete` or `PartiQLSelect` on each statement's table.
A rule of the default bus has the ARN `...:rule/<name>`, whether a request says `Name` or `Rule`.
MiniStack 1.5.33: asks for an action of the operation's name, which no policy on AWS can allow; puts
the default bus into the ARN of a rule, and does not know `Rule`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from local.emulator.patches.wrap import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

_SAME_AS_ONE = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
}
_BATCH = "dynamodb:BatchExecuteStatement"
_SINGLE = "dynamodb:ExecuteStatement"
_STATEMENT = re.compile(
    r'\s*(INSERT\s+INTO|UPDATE|DELETE\s+FROM|SELECT\b.*?\bFROM)\s+"([^"]+)"',
    re.IGNORECASE | re.DOTALL,
)
_OF_A_RULE = re.compile(r"\.(\w+Rule|PutTargets|RemoveTargets)$")
_VERBS = {"I": "Insert", "U": "Update", "D": "Delete", "S": "Select"}

Checks = list[tuple[str, str]]
"""Action and ARN."""


def apply(iam_actions: ModuleType) -> None:
    wrap(iam_actions, "extract_iam_action", "service", "method", "path", by=_as_one)
    wrap(
        iam_actions,
        "dynamodb_transaction_checks",
        "iam_action",
        "body",
        "region",
        "account_id",
        by=_with_statements,
    )
    wrap(iam_actions, "extract_resource_arn", "service", "method", "path", "headers", by=_of_rule)


def _of_rule(inner: Callable[..., str]) -> Callable[..., str]:
    def arn(service: str, *request: Any) -> str:
        # method, path, headers, body, query parameters, Region, account
        if service == "events" and (name := rule_of(request[2], request[3])):
            return f"arn:aws:events:{request[5]}:{request[6]}:rule/{name}"
        return inner(service, *request)

    return arn


def rule_of(headers: Mapping[str, str], body: bytes) -> str | None:
    """The rule of the default bus that a request is about; None: it is about something else."""
    target = {name.lower(): value for name, value in headers.items()}.get("x-amz-target", "")
    request = json.loads(body or b"{}")
    if not _OF_A_RULE.search(target) or request.get("EventBusName", "default") != "default":
        return None
    return str(request.get("Rule") or request.get("Name"))


def _as_one(inner: Callable[..., str | None]) -> Callable[..., str | None]:
    def action(*arguments: Any) -> str | None:
        found = inner(*arguments)
        return _SAME_AS_ONE.get(found, found) if found else found

    return action


def _with_statements(inner: Callable[..., Checks]) -> Callable[..., Checks]:
    def checks(iam_action: str, body: bytes, region: str, account_id: str) -> Checks:
        if iam_action not in (_BATCH, _SINGLE):
            return inner(iam_action, body, region, account_id)
        return [
            (action, f"arn:aws:dynamodb:{region}:{account_id}:table/{table}")
            for action, table in asked(json.loads(body or b"{}"))
        ]

    return checks


def asked(request: dict[str, Any]) -> list[tuple[str, str]]:
    """IAM action and table of each statement. ValueError for one that is not understood: to let it
    pass would be to allow it."""
    found = []
    for one in request.get("Statements", [request]):
        match = _STATEMENT.match(one.get("Statement", ""))
        if match is None:
            raise ValueError(f"no PartiQL statement: {one.get('Statement')!r}")
        found.append((f"dynamodb:PartiQL{_VERBS[match[1][0].upper()]}", match[2]))
    return found
