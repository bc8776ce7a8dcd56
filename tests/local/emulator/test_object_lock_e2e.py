"""Retention and legal hold: what they emit, what they replicate, and where they cannot go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Buckets, wait_for

if TYPE_CHECKING:
    from tests.local.conftest import Emulator

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

UNTIL = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
RETENTION: dict[str, Any] = {"Mode": "GOVERNANCE", "RetainUntilDate": UNTIL}
DATA = {"mode": "GOVERNANCE", "retain-until-date": f"{UNTIL:%Y-%m-%dT%H:%M:%S}.000Z"}


@pytest.fixture
def locked(emulator: Emulator) -> Buckets:
    """The source and the first destination have Object Lock, the second has none."""
    buckets = Buckets(emulator)
    for bucket in (buckets.source, buckets.first):
        emulator.client("s3").put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
        )
    return buckets


def retain(locked: Buckets, version_id: str, retention: dict[str, Any]) -> None:
    locked.s3.put_object_retention(
        Bucket=locked.source,
        Key="doc",
        VersionId=version_id,
        Retention=retention,
        BypassGovernanceRetention=True,
    )


def test_each_retention_is_an_event_and_the_same_again_is_one_too(locked: Buckets) -> None:
    bus = locked.bus(locked.source)
    notes = locked.notify(locked.source, "s3:ObjectRetention:Put", eventbridge=True)
    version_id = locked.put("doc")
    for retention in (RETENTION, RETENTION, {}):
        retain(locked, version_id, retention)
    wanted = {"detail-type": "Object Retention Updated"}
    events = wait_for(
        lambda: (
            found
            if len(found := [e for e in bus.poll() if wanted.items() <= e.items()]) == 3
            else []
        )
    )
    for event in events:
        assert set(event["detail"]["object"]) == {"key", "size", "etag", "version-id"}
        assert event["detail"]["object"]["version-id"] == version_id
        assert "reason" not in event["detail"]
    given = [event["detail"].get("object-retention-event-data") for event in events]
    assert given == [DATA, DATA, None]
    records = notes.wait(3, eventName="ObjectRetention:Put")
    assert [record.get("objectRetentionEventData") for record in records] == [
        {"mode": DATA["mode"], "retainUntilDate": DATA["retain-until-date"]},
        {"mode": DATA["mode"], "retainUntilDate": DATA["retain-until-date"]},
        None,
    ]
    with pytest.raises(ClientError, match="NoSuchObjectLockConfiguration"):
        locked.s3.get_object_retention(Bucket=locked.source, Key="doc")


def test_a_retention_is_not_cleared_without_leave(locked: Buckets) -> None:
    version_id = locked.put("doc")
    retain(locked, version_id, RETENTION)
    where = {"Bucket": locked.source, "Key": "doc", "VersionId": version_id}
    with pytest.raises(ClientError, match="AccessDenied"):
        locked.s3.put_object_retention(**where, Retention={})
    retain(locked, version_id, RETENTION | {"Mode": "COMPLIANCE"})
    with pytest.raises(ClientError, match="AccessDenied"):
        retain(locked, version_id, {})


def test_a_changed_retention_reaches_the_replica_over_pending(locked: Buckets) -> None:
    locked.replicate(locked.rule(locked.first))
    version_id = locked.put("doc")
    locked.wait_header("doc", version_id, "COMPLETED")
    retain(locked, version_id, RETENTION)
    assert locked.header("doc", version_id) == "PENDING"
    locked.wait_header("doc", version_id, "COMPLETED")
    there = {"Bucket": locked.first, "Key": "doc", "VersionId": version_id}
    assert locked.s3.get_object_retention(**there)["Retention"] == RETENTION
    retain(locked, version_id, {})
    locked.wait_header("doc", version_id, "COMPLETED")
    with pytest.raises(ClientError, match="NoSuchObjectLockConfiguration"):
        locked.s3.get_object_retention(**there)


def test_a_legal_hold_replicates_without_any_event(locked: Buckets) -> None:
    locked.replicate(locked.rule(locked.first))
    bus = locked.bus(locked.source)
    everything = locked.notify(locked.source, "s3:*", eventbridge=True)
    version_id = locked.put("doc")
    locked.wait_header("doc", version_id, "COMPLETED")
    where = {"Key": "doc", "VersionId": version_id}
    locked.s3.put_object_legal_hold(Bucket=locked.source, **where, LegalHold={"Status": "ON"})
    assert locked.header("doc", version_id) == "PENDING"
    locked.wait_header("doc", version_id, "COMPLETED")
    hold = locked.s3.get_object_legal_hold(Bucket=locked.first, **where)["LegalHold"]
    assert hold == {"Status": "ON"}
    assert [event["detail-type"] for event in bus.poll()] == ["Object Created"]
    assert [record["eventName"] for record in everything.poll()] == ["ObjectCreated:Put"]


@pytest.mark.parametrize("emitted", [True, False])
def test_whether_a_replicated_retention_is_an_event_there_is_a_choice(
    locked: Buckets, emitted: bool
) -> None:
    locked.replicate(locked.rule(locked.first))
    notes = locked.notify(locked.first, "s3:ObjectRetention:Put")
    with locked.emulator.settings(destination_retention_events=emitted):
        version_id = locked.put("doc")
        locked.wait_header("doc", version_id, "COMPLETED")
        retain(locked, version_id, RETENTION)
        locked.emulator.quiet()
        told = notes.wait() if emitted else notes.poll()
    assert [record["s3"]["object"]["versionId"] for record in told] == [version_id] * emitted


@pytest.mark.parametrize(
    "lock",
    [
        {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": UNTIL},
        {"ObjectLockLegalHoldStatus": "ON"},
        {"ObjectLockLegalHoldStatus": "OFF"},
    ],
)
def test_what_has_a_lock_fails_where_there_is_none(locked: Buckets, lock: dict[str, Any]) -> None:
    failures = locked.notify(locked.source, "s3:Replication:*")
    locked.replicate(locked.rule(locked.second))
    version_id, bare = locked.put("doc", **lock), locked.put("bare")
    locked.wait_header("doc", version_id, "FAILED")
    with pytest.raises(ClientError, match="404"):
        locked.header("doc", version_id, locked.second)
    locked.wait_header("bare", bare, "COMPLETED")
    (record,) = failures.wait()
    assert record["replicationEventData"]["failureReason"] == "DstBucketObjectLockConfigMissing"


def test_what_has_a_lock_keeps_it_where_there_is_one(locked: Buckets) -> None:
    locked.replicate(locked.rule(locked.first))
    version_id = locked.put("doc", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=UNTIL)
    locked.wait_header("doc", version_id, "COMPLETED")
    head = locked.s3.head_object(Bucket=locked.first, Key="doc", VersionId=version_id)
    assert (head["ObjectLockMode"], head["ReplicationStatus"]) == ("GOVERNANCE", "REPLICA")


def test_the_destinations_default_retention_is_for_versions_without_a_lock(
    locked: Buckets,
) -> None:
    default = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    locked.s3.put_object_lock_configuration(
        Bucket=locked.first,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": default},
    )
    locked.replicate(locked.rule(locked.first))
    bare = locked.put("bare")
    held = locked.put("held", ObjectLockLegalHoldStatus="OFF")
    for key, version_id in (("bare", bare), ("held", held)):
        locked.wait_header(key, version_id, "COMPLETED")
    heads = [locked.s3.head_object(Bucket=locked.first, Key=key) for key in ("bare", "held")]
    assert [head.get("ObjectLockMode") for head in heads] == ["GOVERNANCE", None]
