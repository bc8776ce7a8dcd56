"""A bucket is wired whatever AWS does in between, and what others have there stays."""

import pytest

from notifications.buckets import Buckets
from notifications.refusal import Refused
from replication.errors import Denied, Unavailable
from replication.s3.bucket_notifications import Unvalidated
from tests.notifications.world import (
    OURS,
    QUEUE,
    TAKEN,
    THEIR_QUEUE,
    THEIR_TOPIC,
    THEIRS,
    Clock,
    MemoryS3,
    has_ours,
    theirs,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def s3() -> MemoryS3:
    return MemoryS3({"orders": THEIRS})


def wire(s3: MemoryS3, clock: Clock) -> None:
    Buckets(s3).wire("orders", OURS, clock.patience())


def unwire(s3: MemoryS3, clock: Clock) -> None:
    Buckets(s3).unwire("orders", OURS, clock.patience())


def test_ours_comes_and_goes_and_theirs_stay(s3: MemoryS3, clock: Clock) -> None:
    wire(s3, clock)
    assert has_ours(s3.buckets["orders"])
    assert theirs(s3.buckets["orders"]) == THEIRS
    unwire(s3, clock)
    assert s3.buckets["orders"] == {**THEIRS, "EventBridgeConfiguration": {}}
    assert s3.writes == [("orders", True)] * 2
    assert clock.at == 0


def test_what_is_there_already_is_not_written_again(s3: MemoryS3, clock: Clock) -> None:
    """S3 sends a test message to every target, theirs as well, each time."""
    wire(s3, clock)
    wire(s3, clock)
    unwire(s3, clock)
    unwire(s3, clock)
    assert len(s3.writes) == 2


@pytest.mark.parametrize(
    "error",
    [
        Denied("s3:PutBucketNotification", "orders"),
        Unvalidated("Unable to validate", [QUEUE]),
        Unvalidated("Unable to validate", [THEIR_QUEUE, QUEUE]),
        Unvalidated("Unable to validate", []),
        Unavailable("S3 answered OperationAborted"),
    ],
)
def test_a_policy_that_takes_a_minute_is_waited_for(
    s3: MemoryS3, clock: Clock, error: Exception
) -> None:
    def refuse(_bucket: str, _validated: bool) -> None:
        if clock.at < 60:
            raise error

    s3.on_write = refuse
    wire(s3, clock)
    assert has_ours(s3.buckets["orders"])
    assert s3.writes == [("orders", True)], "and ours is validated"
    assert 60 <= clock.at <= 90


def test_a_permission_that_never_comes_is_told_after_a_minute_and_a_half(
    s3: MemoryS3, clock: Clock
) -> None:
    def refuse(bucket: str, _validated: bool) -> None:
        raise Denied("s3:PutBucketNotification", bucket)

    s3.on_write = refuse
    with pytest.raises(Refused, match=r"orders: S3 denies s3:PutBucketNotification"):
        wire(s3, clock)
    assert 90 <= clock.at < 92
    assert s3.buckets["orders"] == THEIRS


def _stale(*named: str) -> Unvalidated:
    return Unvalidated("Unable to validate", named)


def test_a_deleted_queue_of_somebody_else_is_no_obstacle(s3: MemoryS3, clock: Clock) -> None:
    """S3 names it and not ours, so ours is validated: it is written without validation at once."""

    def refuse(_bucket: str, validated: bool) -> None:
        if validated:
            raise _stale(THEIR_QUEUE)

    s3.on_write = refuse
    wire(s3, clock)
    assert has_ours(s3.buckets["orders"])
    assert theirs(s3.buckets["orders"]) == THEIRS
    unwire(s3, clock)
    assert s3.buckets["orders"] == {**THEIRS, "EventBridgeConfiguration": {}}
    assert s3.writes == [("orders", False)] * 2
    assert clock.at == 0


def test_a_target_that_s3_does_not_name_is_theirs_when_ours_had_its_time(
    s3: MemoryS3, clock: Clock
) -> None:
    def refuse(_bucket: str, validated: bool) -> None:
        if validated:
            raise _stale()

    s3.on_write = refuse
    wire(s3, clock)
    assert has_ours(s3.buckets["orders"])
    assert clock.at >= 90


@pytest.mark.parametrize("named", [(QUEUE,), (QUEUE, THEIR_QUEUE)])
def test_our_own_queue_is_never_written_unvalidated(
    s3: MemoryS3, clock: Clock, named: tuple[str, ...]
) -> None:
    def refuse(_bucket: str, validated: bool) -> None:
        assert validated
        raise _stale(*named)

    s3.on_write = refuse
    with pytest.raises(Refused, match="Unable to validate"):
        wire(s3, clock)
    assert s3.buckets["orders"] == THEIRS


def test_nor_is_it_when_nobody_else_is_there(clock: Clock) -> None:
    def refuse(_bucket: str, validated: bool) -> None:
        assert validated
        raise _stale()

    s3 = MemoryS3({"orders": {}}, on_write=refuse)
    with pytest.raises(Refused, match="Unable to validate"):
        wire(s3, clock)


def test_a_write_of_somebody_else_that_overwrites_ours_is_kept(s3: MemoryS3, clock: Clock) -> None:
    """They had read before ours was there, and write after it."""
    late = {**THEIRS, "TopicConfigurations": [{"Id": "late", "TopicArn": "t", "Events": ["e"]}]}

    def overwrite(_bucket: str) -> None:
        if len(s3.writes) == 1:
            s3.buckets["orders"] = late

    s3.after_write = overwrite
    wire(s3, clock)
    assert has_ours(s3.buckets["orders"])
    assert theirs(s3.buckets["orders"]) == late
    assert "EventBridgeConfiguration" in s3.buckets["orders"]


def test_somebody_who_never_stops_overwriting_is_told_of(s3: MemoryS3, clock: Clock) -> None:
    s3.after_write = lambda bucket: s3.buckets.update({bucket: THEIRS})
    with pytest.raises(Refused, match="somebody else overwrites"):
        wire(s3, clock)
    assert clock.at >= 90


def test_event_types_that_were_taken_after_the_check_are_refused(
    s3: MemoryS3, clock: Clock
) -> None:
    s3.buckets["orders"] = TAKEN
    with pytest.raises(Refused, match=f"'their topic'.*replication_topics=orders={THEIR_TOPIC}"):
        wire(s3, clock)
    assert s3.buckets["orders"] == TAKEN


def test_a_bucket_that_is_gone_is_unwired_and_cannot_be_wired(clock: Clock) -> None:
    unwire(MemoryS3(), clock)
    with pytest.raises(Refused, match="no bucket orders"):
        wire(MemoryS3(), clock)
    assert clock.at == 0
