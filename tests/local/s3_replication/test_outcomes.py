"""How an attempt ends, what a key can ask for, and what the header then says."""

from __future__ import annotations

import pytest

from local.s3_replication.outcomes import (
    Destination,
    Failed,
    Outcome,
    Replicated,
    ReplicatedWithoutTags,
    Source,
    decide,
    forced_failure,
    is_not_tracked,
    slow_seconds,
)
from local.s3_replication.rules import Rule
from local.s3_replication.status_header import Status, aggregate


def rule(role: str = "arn:aws:iam::000000000000:role/replication") -> Rule:
    return Rule(rule_id="r", enabled=True, priority=1, destination="replica-1", role=role)


def outcome(
    key: str = "k",
    there: Destination | None = None,
    *,
    here: Source | None = None,
    of: Rule | None = None,
    delete_marker: bool = False,
) -> Outcome:
    found = (here or Source(), there or Destination())
    return decide(key, of or rule(), *found, delete_marker=delete_marker)


def test_a_good_destination_gets_its_replica() -> None:
    assert outcome() == Replicated()


@pytest.mark.parametrize(
    ("there", "code"),
    [
        (Destination(exists=False), "DstBucketNotFound"),
        (Destination(versioned=False), "DstBucketUnversioned"),
        (Destination(policy_allows=False), "DstPutObjectNotPermitted"),
    ],
)
def test_a_bad_destination_fails_with_its_documented_reason(there: Destination, code: str) -> None:
    assert outcome(there=there) == Failed(code)


def test_a_refused_delete_marker_has_a_reason_of_its_own() -> None:
    refused = outcome(there=Destination(policy_allows=False), delete_marker=True)
    assert refused == Failed("DstDelObjNotPermitted")


def test_a_role_that_may_not_be_assumed_is_seen_before_the_destination() -> None:
    denied = rule("arn:aws:iam::000000000000:role/Replication-DENIED")
    assert outcome(there=Destination(exists=False), of=denied) == Failed("AssumeRoleNotPermitted")


def test_only_the_name_of_the_role_counts_as_denied() -> None:
    assert outcome(of=rule("arn:aws:iam::denied:role/replication")) == Replicated()


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("a/fail-DstKmsKeyNotFound.txt", "DstKmsKeyNotFound"),
        ("fail-SrcGetAclNotPermitted@replica-1", "SrcGetAclNotPermitted"),
        ("fail-DstKmsKeyNotFound@replica-1.txt", "DstKmsKeyNotFound"),
        ("fail-DstKmsKeyNotFound@replica-1/doc", "DstKmsKeyNotFound"),
        ("fail-DstKmsKeyNotFound@replica-10", None),
        ("fail-DstKmsKeyNotFound@replica-1-b", None),
        ("fail-A1@other/fail-B2@replica-1", "B2"),
        ("failures/report", None),
        ("fail-fast/doc", None),
        ("plain", None),
    ],
)
def test_a_key_can_ask_for_a_failure_at_all_or_at_one_destination(
    key: str, code: str | None
) -> None:
    assert forced_failure(key, "replica-1") == code


def test_a_tagless_key_arrives_without_its_tags() -> None:
    assert outcome("a/tagless.txt") == ReplicatedWithoutTags()
    assert outcome("a/tagless.txt", delete_marker=True) == Replicated()


def test_a_source_that_may_not_be_read_fails_with_the_reason_of_that_read() -> None:
    assert outcome(here=Source(refusal="SrcGetAclNotPermitted")) == Failed("SrcGetAclNotPermitted")


def test_a_locked_version_needs_object_lock_at_the_destination() -> None:
    locked = Source(locked=True)
    assert outcome(here=locked) == Failed("DstBucketObjectLockConfigMissing")
    assert outcome(here=locked, there=Destination(object_lock=True)) == Replicated()
    assert outcome(there=Destination(object_lock=True)) == Replicated()


def test_a_customers_key_may_be_blocked_for_new_replicas_alone() -> None:
    mine = Source(customer_key=True)
    assert outcome(here=mine) == Replicated()
    blocks = Destination(blocks_customer_keys=True)
    assert outcome(there=blocks) == Replicated()
    assert outcome(here=mine, there=blocks) == Failed("DstPutObjectNotPermitted")
    there = Destination(blocks_customer_keys=True, has_replica=True)
    assert outcome(here=mine, there=there) == Replicated()


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (Source(tags_readable=False), Destination()),
        (Source(tagged=True), Destination(tags_allowed=False)),
    ],
)
def test_tags_that_may_not_be_read_or_written_stay_behind_alone(
    here: Source, there: Destination
) -> None:
    assert outcome(here=here, there=there) == ReplicatedWithoutTags()


def test_tags_that_are_not_there_need_not_be_written() -> None:
    assert outcome(there=Destination(tags_allowed=False)) == Replicated()


@pytest.mark.parametrize(
    ("key", "seconds"), [("slow-3/x", 3.0), ("x/slow-0.25.txt", 0.25), ("slow", None)]
)
def test_a_key_can_ask_to_be_slow(key: str, seconds: float | None) -> None:
    assert slow_seconds(key) == seconds


def test_a_key_can_ask_not_to_be_tracked() -> None:
    assert is_not_tracked("a/not-tracked.txt")
    assert not is_not_tracked("a/tracked.txt")


def test_whether_a_failure_shows_while_another_is_pending_is_a_choice() -> None:
    both = [Status.PENDING, Status.FAILED]
    assert aggregate(both, fails_at_once=True) is Status.FAILED
    assert aggregate(both, fails_at_once=False) is Status.PENDING
    assert aggregate([Status.COMPLETED, Status.FAILED], fails_at_once=False) is Status.FAILED


@pytest.mark.parametrize(
    ("destinations", "header"),
    [
        ([], None),
        ([Status.COMPLETED, Status.COMPLETED], Status.COMPLETED),
        ([Status.COMPLETED, Status.PENDING], Status.PENDING),
        ([Status.COMPLETED, Status.FAILED], Status.FAILED),
        ([Status.PENDING, Status.FAILED], Status.FAILED),
        ([Status.PENDING], Status.PENDING),
    ],
)
def test_the_header_is_completed_for_all_failed_for_any_and_else_pending(
    destinations: list[Status], header: Status | None
) -> None:
    assert aggregate(destinations) == header
