"""A bucket whose rules cannot be read stops nobody else."""

from collections.abc import Iterator

import pytest

from record.event_claims import EventClaims
from replication.aws.s3.rule_histories import S3RuleHistories
from replication.errors import Unavailable
from replication.s3.events import Created
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.replication.aws.rules import Kept, refused
from tests.replication.aws.rules import world as new_world
from tests.support.fakes import MemoryLedger, MemoryObjects

HOUR = 3600
TOLD = Instant("2026-11-22T10:30:00.000Z")


@pytest.fixture
def world() -> Iterator[Kept]:
    with new_world() as made:
        yield made


class TestABucketWhoseRulesCannotBeRead:
    """It stops nobody else."""

    @pytest.fixture
    def two(self, world: Kept) -> Kept:
        world.rules = {"old": ("old-replica",), "orders": ("orders-replica",)}
        return world

    def claims(self, world: Kept, bucket: str, process: S3RuleHistories) -> object:
        """What a new version in the bucket comes to."""
        event_claims = EventClaims(
            histories=process.histories(),
            unknown=process.unknown(),
            objects=MemoryObjects(),
            ledger=MemoryLedger(),
            tracked=frozenset({"old", "old-replica", "orders", "orders-replica"}),
            record_ineligible=True,
            destination_buckets=frozenset({"old-replica", "orders-replica"}),
        )
        return event_claims.claims(Created(ObjectVersion(bucket, "k", "v1"), world.now, "e", True))

    @pytest.mark.parametrize("code", ["AccessDenied", "SlowDown", "InternalError"])
    def test_is_served_by_the_rules_that_are_stored(self, two: Kept, code: str) -> None:
        two.process().histories()
        two.rules["old"] = refused(code)
        two.wait(HOUR)
        process = two.process()
        assert set(process.histories()) == {"old", "orders"}
        assert process.unknown() == {}
        assert process.histories()["old"].current.destinations == {"old-replica"}
        for bucket in ("old", "orders", "orders-replica", "old-replica"):
            assert self.claims(two, bucket, process)

    def test_is_named_to_the_operator_when_it_is_denied(self, two: Kept) -> None:
        two.rules["old"] = refused("AccessDenied")
        two.process().histories()
        assert {(one.action, one.bucket) for one in two.refusals} == {
            ("s3:GetReplicationConfiguration", "old")
        }

    def test_that_was_deleted_has_no_rules(self, two: Kept) -> None:
        two.process().histories()
        two.rules["old"] = refused("NoSuchBucket")
        two.wait(HOUR)
        process = two.process()
        assert process.unknown() == {}
        assert process.histories()["old"].current.destinations == frozenset()
        assert process.histories()["old"].destinations == ("old-replica",)

    def test_of_which_none_are_stored_holds_back_only_what_could_come_of_it(
        self, two: Kept
    ) -> None:
        two.rules["old"] = refused("AccessDenied")
        process = two.process()
        assert set(process.histories()) == {"orders"}
        assert set(process.unknown()) == {"old"}
        assert self.claims(two, "orders", process)
        for bucket in ("old", "old-replica", "orders-replica"):
            with pytest.raises(Unavailable, match="old"):
                self.claims(two, bucket, process)

    def test_comes_back_when_it_can_be_read_again(self, two: Kept) -> None:
        two.rules["old"] = refused("AccessDenied")
        process = two.process()
        process.histories()
        two.rules["old"] = ("old-replica",)
        assert set(process.histories()) == {"old", "orders"}
        assert process.unknown() == {}

    def test_a_table_that_does_not_answer_leaves_what_is_known(self, two: Kept) -> None:
        process = two.process()
        process.histories()
        two.client.delete_table(TableName="ledger")
        two.wait(HOUR)
        assert set(process.histories()) == {"old", "orders"}
