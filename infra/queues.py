"""Queues of work and their dead-letter queues: encrypted, and closed to plain HTTP."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct


def work_queue(
    scope: Construct,
    construct_id: str,
    *,
    visibility_timeout: Duration,
    max_receive_count: int,
    dead_letters: sqs.Queue,
    retention_period: Duration | None = None,
) -> sqs.Queue:
    """A queue that moves a message to `dead_letters` after `max_receive_count` attempts."""
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        visibility_timeout=visibility_timeout,
        retention_period=retention_period,
        dead_letter_queue=sqs.DeadLetterQueue(
            queue=dead_letters, max_receive_count=max_receive_count
        ),
    )


def queue_of_function(
    scope: Construct, construct_id: str, *, timeout: Duration, dead_letters: sqs.Queue
) -> sqs.Queue:
    """A queue that a function with that timeout works off. A message is hidden for six times as
    long, as AWS advises, and tried eight times."""
    return work_queue(
        scope,
        construct_id,
        visibility_timeout=Duration.seconds(6 * timeout.to_seconds()),
        max_receive_count=8,
        dead_letters=dead_letters,
    )


def dead_letter_queue(scope: Construct, construct_id: str = "DeadLetters") -> sqs.Queue:
    """A queue that keeps messages for as long as SQS can: 14 days."""
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
