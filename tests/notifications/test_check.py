"""All buckets are looked at, nothing is written, and everything in the way is told at once."""

import pytest

from notifications.check import Check
from notifications.refusal import Refused
from replication.errors import Denied
from replication.s3.bucket_notifications import OBJECT_EVENTS, Ours
from tests.notifications.world import (
    EVENTS,
    OURS,
    QUEUE,
    STACK,
    TAKEN,
    THEIR_TOPIC,
    THEIRS,
    Clock,
    MemoryS3,
)

BY_S3 = Ours(OURS.id, QUEUE, (*EVENTS, *OBJECT_EVENTS), STACK, eventbridge=False)


def problems(
    s3: MemoryS3,
    *sources: str,
    topics: dict[str, str] | None = None,
    clock: Clock | None = None,
    ours: Ours = OURS,
) -> list[str]:
    check = Check(s3, ours, frozenset(sources), topics or {})
    try:
        check.all(sorted({*s3.buckets, *sources}), (clock or Clock()).patience())
    except Refused as error:
        return str(error).splitlines()
    finally:
        assert s3.writes == []
    return []


def test_buckets_of_others_who_want_other_events_are_fine() -> None:
    assert problems(MemoryS3({"orders": THEIRS, "copy": {}}), "orders") == []


def test_a_topic_in_the_way_is_named_with_the_way_out() -> None:
    (said,) = problems(MemoryS3({"orders": TAKEN, "shared": THEIRS}), "orders", "shared")
    for part in ("orders", "'their topic'", THEIR_TOPIC, "s3:Replication:*"):
        assert part in said
    assert f"-c replication_topics=orders={THEIR_TOPIC}" in said


@pytest.mark.parametrize(
    ("kind", "target"),
    [("QueueConfigurations", "QueueArn"), ("LambdaFunctionConfigurations", "LambdaFunctionArn")],
)
def test_a_queue_or_a_function_in_the_way_has_to_become_a_topic(kind: str, target: str) -> None:
    entry = {"Id": "x", target: "arn:x", "Events": ["s3:Replication:OperationNotTracked"]}
    (said,) = problems(MemoryS3({"orders": {kind: [entry]}}), "orders")
    assert "arn:x" in said
    assert "Send the events to an SNS topic" in said
    assert "-c replication_topics=orders=<ARN of the topic>" in said


def test_a_destination_may_have_them() -> None:
    assert problems(MemoryS3({"orders": THEIRS, "copy": TAKEN}), "orders") == []


def test_with_the_topic_in_the_context_the_bucket_is_fine() -> None:
    assert problems(MemoryS3({"orders": TAKEN}), "orders", topics={"orders": THEIR_TOPIC}) == []


def test_a_topic_of_the_context_that_the_bucket_does_not_tell_is_wrong() -> None:
    other = f"{THEIR_TOPIC}-2"
    (said,) = problems(MemoryS3({"orders": TAKEN}), "orders", topics={"orders": other})
    assert other in said
    assert "OperationFailedReplication" in said


def test_a_bucket_in_another_region_is_told_with_both() -> None:
    s3 = MemoryS3({"orders": {}, "copy": {}}, regions={"copy": "us-east-2"})
    (said,) = problems(s3, "orders")
    assert "copy" in said
    assert "us-east-2" in said
    assert "eu-west-1" in said


def test_a_bucket_that_does_not_say_its_region_is_given_the_benefit_of_the_doubt() -> None:
    class Silent(MemoryS3):
        def region(self, bucket: str) -> str | None:
            return None

    assert problems(Silent({"orders": {}}), "orders") == []


def test_a_permission_may_take_its_time() -> None:
    clock = Clock()

    def refuse(bucket: str) -> None:
        if clock.at < 20:
            raise Denied("s3:GetBucketNotification", bucket)

    assert problems(MemoryS3({"orders": {}}, on_read=refuse), "orders", clock=clock) == []


def test_everything_is_told_at_once_and_in_one_time() -> None:
    clock = Clock()

    def refuse(bucket: str) -> None:
        if bucket.startswith("denied"):
            raise Denied("s3:GetBucketNotification", bucket)

    buckets: dict[str, dict[str, object]] = {f"denied-{number}": {} for number in range(3)}
    s3 = MemoryS3({"orders": TAKEN, **buckets}, on_read=refuse)
    said = problems(s3, "orders", "missing", clock=clock)
    assert len(said) == 5
    assert any("no bucket missing" in one for one in said)
    assert sum("denies s3:GetBucketNotification" in one for one in said) == 3
    assert clock.at < 120, "the buckets share the minute and a half"


def test_object_events_that_are_taken_are_refused_by_name_in_sources_and_destinations() -> None:
    s3 = MemoryS3({"orders": THEIRS, "copy": THEIRS, "free": {}})
    said = problems(s3, "orders", ours=BY_S3)
    assert len(said) == 2
    for bucket, one in zip(("copy", "orders"), said, strict=True):
        assert f"Bucket {bucket} sends s3:ObjectCreated:* to" in one
        assert "notification 'theirs'" in one
        assert "-c object_events=eventbridge" in one
        assert "replication_topics" not in one


def test_a_destination_may_keep_its_replication_events_where_objects_come_as_notifications() -> (
    None
):
    assert problems(MemoryS3({"orders": {}, "copy": TAKEN}), "orders", ours=BY_S3) == []


def test_a_source_with_a_topic_needs_its_object_events_all_the_same() -> None:
    topics = {"orders": THEIR_TOPIC}
    assert problems(MemoryS3({"orders": TAKEN}), "orders", topics=topics, ours=BY_S3) == []
    (said,) = problems(
        MemoryS3({"orders": {**TAKEN, **THEIRS}}), "orders", topics=topics, ours=BY_S3
    )
    assert "s3:ObjectCreated:*" in said
