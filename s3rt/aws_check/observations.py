"""The twelve observations, in the order they are made, and how they are made."""

from collections.abc import Iterator, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from s3rt.aws_check import heads, replication, stack, statements
from s3rt.aws_check.lab import Lab
from s3rt.aws_check.observation import Observation, Result, not_checked
from s3rt.aws_errors import explained
from s3rt.outputs import NoStack

_BUCKETS = "two buckets, a role, a queue, an EventBridge rule"
_READER = f"{_BUCKETS}, a role that reads"

OBSERVATIONS = (
    Observation(
        1,
        "a replica's arrival",
        "EventBridge sends Object Created of the replica, with the version id of the source",
        "puts an object and a multipart upload of 5 MiB, waits for both events",
        replication.arrival,
        _BUCKETS,
    ),
    Observation(
        2,
        "a replicated delete marker",
        "EventBridge sends Object Deleted of the destination: Delete Marker Created, same id",
        "puts and deletes an object, waits for the event",
        replication.delete_marker,
        _BUCKETS,
    ),
    Observation(
        3,
        "HEAD of a version that does not exist",
        "404, with s3:ListBucket and without s3:ListBucketVersions",
        "deletes a version, HEADs it with a role that has the permissions of the functions",
        heads.absent_version,
        _READER,
    ),
    Observation(
        4,
        "the number of tags in a HEAD",
        "TagCount only with s3:GetObjectVersionTagging",
        "HEADs a version with two tags, with that permission and without",
        heads.number_of_tags,
        _READER,
    ),
    Observation(
        5,
        "an object with a customer's own key",
        "HEAD without the key answers 400, GetObjectTagging 200",
        "allows SSE-C in the bucket, puts an object, asks without the key",
        heads.customer_key,
        _BUCKETS,
    ),
    Observation(
        6,
        "replayed events",
        "a replay changes no history",
        "says how: a replay is for a person to start",
        stack.replayed_events,
    ),
    Observation(
        8,
        "long work is not ended",
        "RecursiveLoop is Allow for reconcile, backfill and redrive, and for no other function",
        "reads the setting of each function of the stack",
        stack.recursive_loops,
    ),
    Observation(
        9,
        "metrics with values and counts",
        "LatencySeconds has percentiles, a maximum and a count",
        f"reads the metric of the last {stack.HOURS} hours",
        stack.latencies,
    ),
    Observation(
        10,
        "the last call of a window",
        "the summarize function has no errors",
        f"reads its metrics of the last {stack.HOURS} hours",
        stack.last_call,
    ),
    Observation(
        11,
        "alarms reach the topic",
        "no action of an alarm failed",
        "reads the history of the stack's alarms",
        stack.alarms,
    ),
    Observation(
        12,
        "throttled statements",
        "statements of a batch are throttled one by one, with codes that the tracker retries",
        "writes batches of 25 until some are throttled, 1,000 statements at most",
        statements.throttled_statements,
        "a table on demand, limited to one write a second",
    ),
    # The last one: it changes the rules of the buckets.
    Observation(
        7,
        "replicas while a change is synchronized",
        "HEAD of a replica shows REPLICA or PENDING",
        "changes a tag at the destination and HEADs until the source has it",
        replication.modification,
        _BUCKETS,
    ),
)


def observed(
    wanted: Sequence[Observation], lab: Lab, *, may_make: bool
) -> Iterator[tuple[Observation, Result]]:
    """The observations one after another. What AWS refuses is not checked; an interruption is
    raised."""
    for one in wanted:
        yield one, _result(one, lab, may_make=may_make)


def _result(one: Observation, lab: Lab, *, may_make: bool) -> Result:
    if one.makes and not may_make:
        return not_checked("it has to make something; give --yes")
    if lab.account.seconds() > lab.account.ends_at:
        return not_checked("the time is over; give it more --time, or --only this one")
    try:
        return one.check(lab)
    except (ClientError, BotoCoreError) as error:
        return not_checked(explained(error))
    except NoStack as error:
        return not_checked(str(error))
