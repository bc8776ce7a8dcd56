"""EventBridge rules for the events of tracked buckets: at home, and in every collector alike."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aws_cdk import Annotations, Duration
from aws_cdk import aws_events as events
from constructs import Construct

from infra.archive import Archives
from infra.portions import portions

OBJECT_EVENTS = (
    "Object Created",
    "Object Deleted",
    "Object Tags Added",
    "Object Tags Deleted",
    "Object ACL Updated",
    "Object Retention Updated",
)
CONFIGURATION_CALLS = ("PutBucketReplication", "DeleteBucketReplication")

RETRY_AGE, RETRY_ATTEMPTS = Duration.hours(24), 185
"""The longest and the most that EventBridge tries."""

_NAMES_IN_A_PATTERN = 1_600
"""Characters of bucket names in one rule; EventBridge allows patterns of up to 2,048."""


class EventRules(NamedTuple):
    objects: list[events.Rule]
    configurations: list[events.Rule]


def add_event_rules(
    scope: Construct,
    *,
    tracked: Sequence[str],
    sources: Sequence[str],
    target: Callable[[], events.IRuleTarget],
    archives: Archives,
) -> EventRules:
    """Object events of tracked buckets, which are archived, and changes of the replication
    configuration of sources. A rule sees only events of its own Region and account. `target` makes
    the target of one rule."""
    # The targets are queues and topics of the same stack, of which CDK is to change no policy.
    Annotations.of(scope).acknowledge_warning("@aws-cdk/aws-events:ruleUnresolvedEnvironment")
    rules = EventRules([], [])
    for number, names in enumerate(portions(tracked, _NAMES_IN_A_PATTERN)):
        pattern = events.EventPattern(
            source=["aws.s3"],
            detail_type=list(OBJECT_EVENTS),
            detail={"bucket": {"name": names}},
        )
        rule = events.Rule(
            scope,
            f"Objects{number}",
            description="Object events of tracked buckets",
            event_pattern=pattern,
            targets=[target()],
        )
        archives.add(rule, pattern)
        rules.objects.append(rule)
    for number, names in enumerate(portions(sources, _NAMES_IN_A_PATTERN)):
        rule = events.Rule(
            scope,
            f"Configuration{number}",
            description="Changes of a tracked source bucket's replication configuration (needs a "
            "trail)",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["AWS API Call via CloudTrail"],
                detail={
                    "eventSource": ["s3.amazonaws.com"],
                    "eventName": list(CONFIGURATION_CALLS),
                    "requestParameters": {"bucketName": names},
                },
            ),
            targets=[target()],
        )
        rules.configurations.append(rule)
    return rules
