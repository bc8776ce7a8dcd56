"""A bucket's notification configuration is refused where S3 refuses it.

AWS: two configurations may not share an event type unless their filters keep their keys apart, and
every destination has to exist and let S3 in by its policy and its key's, those that were there
before included.
`SkipDestinationValidation` leaves out the second.
MiniStack 1.5.33: takes configurations that overlap, never looks for a function, and reads the
policies of queues and topics only while IAM is enforced.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from local.emulator.patches.topic_access import key_allows
from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    Configuration = Mapping[str, Any]
    """As MiniStack reads it: type, arn, events, filter_prefix and filter_suffix."""

_S3 = "s3.amazonaws.com"
_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
_SAME_EVENTS = (
    "Configurations overlap. Configurations on the same bucket cannot share a common event type."
)
_SAME_KEYS = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the "
    "prefixes are overlapping for the same event type."
)
_UNREACHABLE = "Unable to validate the following destination configurations"


def apply(
    s3: ModuleType,
    sqs: ModuleType,
    sns: ModuleType,
    lambda_svc: ModuleType,
    kms: ModuleType,
    iam_evaluator: ModuleType,
) -> None:
    require(s3, "_error", "code", "message", "status")
    require(s3, "_bucket_owner_account")
    require(iam_evaluator, "evaluate_resource_policy", "doc", "ctx", "service")
    find = {
        "sqs": require(sqs, "queue_policy_for_arn", "queue_arn"),
        "sns": require(sns, "topic_policy_for_arn", "topic_arn"),
        "lambda": require(lambda_svc, "function_policy_for_arn", "resource_arn"),
    }

    def strict(inner: Callable[..., Any]) -> Callable[..., Any]:
        def validate(
            configs: Sequence[Configuration],
            bucket_region: str,
            bucket_name: str = "",
            skip_destination_validation: bool = False,
        ) -> Any:
            clash = overlap(configs)
            if clash is not None:
                return s3._error("InvalidArgument", clash, 400)
            refused = inner(configs, bucket_region, bucket_name, skip_destination_validation)
            if refused is not None or skip_destination_validation:
                return refused
            owner = str(s3._bucket_owner_account(bucket_name))
            closed = [
                config["arn"]
                for config in configs
                if not _lets_in(find[config["type"]], config, bucket_region, bucket_name, owner)
                or not _key_lets(sns, kms, config, bucket_region, bucket_name, owner)
            ]
            if closed:
                message = f"{_UNREACHABLE}: {', '.join(closed)}"
                return s3._error("InvalidArgument", message, 400)
            return None

        return validate

    parameters = ("configs", "bucket_region", "bucket_name", "skip_destination_validation")
    wrap(s3, "_validate_notification_configs", *parameters, by=strict)


def overlap(configs: Sequence[Configuration]) -> str | None:
    """What S3 says of configurations that would tell of one event twice; None when none do."""
    for one, other in itertools.combinations(configs, 2):
        if not any(_share(a, b) for a in one["events"] for b in other["events"]):
            continue
        prefixes = _filters("filter_prefix", one, other)
        suffixes = _filters("filter_suffix", one, other)
        if not any((*prefixes, *suffixes)):
            return _SAME_EVENTS
        ends = suffixes[0].endswith(suffixes[1]) or suffixes[1].endswith(suffixes[0])
        if ends and (prefixes[0].startswith(prefixes[1]) or prefixes[1].startswith(prefixes[0])):
            return _SAME_KEYS
    return None


def _filters(name: str, one: Configuration, other: Configuration) -> tuple[str, str]:
    """No filter is one that every key passes."""
    return one[name] or "", other[name] or ""


def _share(one: str, other: str) -> bool:
    """Whether two event types, with or without a star at the end, have an event in common."""
    if one.endswith("*") and other.endswith("*"):
        return one[:-1].startswith(other[:-1]) or other[:-1].startswith(one[:-1])
    if one.endswith("*"):
        return other.startswith(one[:-1])
    return other == one or (other.endswith("*") and one.startswith(other[:-1]))


def _lets_in(
    find: Callable[[str], Any], config: Configuration, region: str, bucket: str, owner: str
) -> bool:
    """Whether the destination is there and its policy allows S3 what a notification needs.

    MiniStack's own check of the policy says yes to everything unless IAM is enforced.
    """
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.core.responses import request_scope

    with request_scope(owner, region):
        found = find(config["arn"])
        if found is None:
            return False
        asked = EvalContext(
            principal_arn="*",
            principal_type="Service",
            principal_account="",
            action=_ACTIONS[config["type"]],
            resource_arn=config["arn"],
            region=region,
            secure_transport=True,
            service_context={
                "aws:sourcearn": f"arn:aws:s3:::{bucket}",
                "aws:sourceaccount": owner,
            },
        )
        return str(evaluate_resource_policy(found[0], asked, service=_S3).decision) == "Allow"


def _key_lets(
    sns: Any, kms: Any, config: Configuration, region: str, bucket: str, owner: str
) -> bool:
    """Whether S3 may encrypt what it publishes."""
    from ministack.core.responses import request_scope

    if config["type"] != "sns":
        return True
    context = {"aws:sourcearn": f"arn:aws:s3:::{bucket}", "aws:sourceaccount": owner}
    with request_scope(owner, region):
        return key_allows(sns, kms, config["arn"], _S3, context)
