"""Why a deployment cannot go on, in words for the person who deploys."""

from replication.s3.bucket_notifications import REPLICATION, TOPICS, Taken


class Refused(Exception):
    """Somebody has to change something; the message says what."""


def event_types_taken(bucket: str, taken: Taken) -> str:
    """S3 would refuse our entry: which one is in its way, and the way out."""
    where = (
        f"Bucket {bucket} sends {', '.join(taken.events)} to {taken.target} already (notification"
        f" {taken.id!r}), and S3 lets a bucket send an event type to one target only."
    )
    if not all(event.startswith(REPLICATION) for event in taken.events):
        return (
            f"{where} With -c object_events=s3 the tracker needs these event types for itself."
            " Deploy with -c object_events=eventbridge, or take that notification away."
        )
    if taken.kind == TOPICS:
        return (
            f"{where} Deploy with -c replication_topics={bucket}={taken.target}: the tracker then"
            " subscribes to that topic."
        )
    return (
        f"{where} It is no topic, so the tracker cannot listen there too. Send the events to an SNS"
        " topic, subscribe the present target to it, and deploy with"
        f" -c replication_topics={bucket}=<ARN of the topic>."
    )


def topic_is_not_told(bucket: str, topic: str) -> str:
    return (
        f"replication_topics names {topic} for bucket {bucket}, but the bucket sends it no"
        " s3:Replication:OperationFailedReplication. Send the bucket's s3:Replication events to the"
        f" topic, or take {bucket} out of replication_topics."
    )


def in_another_region(bucket: str, region: str, here: str) -> str:
    return (
        f"Bucket {bucket} is in Region {region}, and this stack in {here}: S3 sends events within a"
        f' Region only. Say region = "{region}" of it in tracker.toml, so that a collector there'
        " sends its events on."
    )


def no_such_bucket(bucket: str) -> str:
    return f"There is no bucket {bucket}. Create it, or take it out of the context."


def not_allowed(action: str) -> str:
    return (
        f"S3 denies {action}, also after a minute and a half. The bucket is another account's, or"
        " its policy or one of the organization denies it."
    )
