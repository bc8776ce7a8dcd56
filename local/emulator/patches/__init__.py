"""What this project changes in MiniStack, one module for each difference from AWS.

A patch says what AWS does and what MiniStack does, and refuses to start (`wrap.PatchError`) when
the function it relies on is gone or takes other parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from local.emulator.patches import (
    archives,
    batch_operations,
    function_workers,
    hidden_versions,
    multipart_start,
    multipart_tags,
    notification_rules,
    object_lock,
    partiql_streams,
    permissions,
    principals,
    recursive_loops,
    resource_names,
    s3_access,
    s3_events,
    s3_replication,
    sns_mail,
    statement_throttling,
    stream_mappings,
    subscriptions,
    time_to_live,
    topic_access,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from local.emulator.patches.statement_throttling import TableSettings
    from local.s3_replication.settings import Settings


class Adjusted(Protocol):
    """What can be looked at and changed while it runs."""

    def configure(self, values: Mapping[str, Any]) -> None:
        """Change settings by name; `SettingsError` changes nothing."""

    def describe(self) -> dict[str, Any]:
        """Settings and counts, as JSON."""


def apply_all(
    loop: asyncio.AbstractEventLoop, settings: Settings, tables: TableSettings
) -> dict[str, Adjusted]:
    """Patch MiniStack; call once, on the loop that will serve it, before it serves.

    Gives what has settings by the name of the service.
    """
    from ministack import app
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import dynamodb, eventbridge, iam, kms, lambda_svc, s3, sns, sqs
    from ministack.services.cloudformation import provisioners

    from local.s3_replication.local_s3 import LocalS3

    local = LocalS3(s3, loop, settings)
    throttling = statement_throttling.StatementThrottling(tables)
    partiql_streams.apply(dynamodb)
    time_to_live.apply(dynamodb, provisioners)
    statement_throttling.apply(dynamodb, throttling)
    stream_mappings.apply(lambda_svc, dynamodb)
    s3_access.apply(s3, local.heads)
    hidden_versions.apply(s3)
    object_lock.apply(s3)
    notification_rules.apply(s3, sqs, sns, lambda_svc, kms, iam_evaluator)
    s3_events.apply(s3, local)
    s3_replication.apply(s3, local)
    multipart_tags.apply(s3)
    multipart_start.apply(s3, local)
    batch_operations.apply(app, s3, iam, iam_evaluator, local)
    recursive_loops.apply(lambda_svc, sqs, provisioners)
    resource_names.apply(iam, provisioners)
    archives.apply(eventbridge, provisioners)
    permissions.apply(iam_actions)
    principals.apply(iam_evaluator, iam, eventbridge, sqs)
    subscriptions.apply(sns, sqs, iam_evaluator, provisioners)
    topic_access.apply(sns, kms, eventbridge, provisioners)
    function_workers.apply(lambda_svc)
    mailboxes = sns_mail.apply(sns)
    return {"s3": local, "dynamodb": throttling, "mail": mailboxes}
