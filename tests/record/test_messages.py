"""Which messages come back, and which are put aside."""

import pytest

from replication.errors import NotYet, Reason, Rejected, Unavailable
from replication.ledger.fact import Kind
from replication.s3.events import ConfigurationChanged, Ignored, Operation
from replication.s3.status import Status
from tests.record.world import NOW, World, changed, created, deleted, replicated, version
from tests.support.fakes import (
    history,
    rule,
)


class TestMessagesAndTheirNeighbours:
    def test_what_can_never_be_understood_goes_to_the_dead_letters_at_once(self) -> None:
        world = World()
        outcome = world.record(Rejected(Reason.NOT_JSON, "no"), created())
        assert outcome.retry == ()
        assert [(m.id, r.reason) for m, r in world.letters.letters] == [("m0", "not-json")]
        assert world.state().status is Status.PENDING

    def test_a_message_the_dead_letter_queue_does_not_take_comes_back(self) -> None:
        world = World()
        world.letters.full = True
        assert world.record(Rejected(Reason.NOT_JSON, "no"), created()).retry == ("m0",)

    def test_the_good_records_of_a_bad_message_count(self) -> None:
        world = World()
        world.record([created(), Rejected(Reason.KEY_TOO_LONG, "no")])
        assert world.state().status is Status.PENDING
        assert len(world.letters.letters) == 1

    def test_a_bucket_of_nobody_is_a_dead_letter_that_names_the_fix(self) -> None:
        world = World()
        outcome = world.record(
            created("stranger"),
            replicated(Operation.FAILED, where=version("stranger")),
            deleted("stranger"),
            changed("stranger"),
        )
        assert outcome.retry == ()
        assert {r.reason for _, r in world.letters.letters} == {"bucket-not-tracked"}
        assert len(world.letters.letters) == 4
        assert "tracker.toml" in world.letters.letters[0][1].detail
        assert world.ledger.records == {}, "any bucket of the account may send to the queue"

    def test_replication_events_of_a_bucket_that_is_no_source_are_dead_letters(self) -> None:
        world = World(tracked=frozenset({"src", "dst"}))
        outcome = world.record(replicated(Operation.FAILED, where=version("dst")))
        assert outcome.retry == ()
        assert [r.reason for _, r in world.letters.letters] == ["bucket-not-tracked"]
        assert world.ledger.records == {}

    def test_a_destination_named_by_a_rule_alone_is_tracked_too(self) -> None:
        world = World(tracked=frozenset({"src"}))
        world.record(created(), created("dst", seconds=1))
        assert world.state().status is Status.COMPLETED

    def test_a_throttled_item_brings_back_its_messages_and_no_others(self) -> None:
        world = World()
        world.ledger.refuse = {(version(), "dst"): Unavailable("throttled")}
        assert world.record(created(), created(version_id="v2")).retry == ("m0",)
        assert world.state(version(version_id="v2")).status is Status.PENDING

    def test_an_item_nobody_can_write_is_a_dead_letter(self) -> None:
        world = World()
        world.ledger.refuse = {(version(), "dst"): Rejected(Reason.UNWRITABLE, "too large")}
        world.record(created())
        assert world.letters.letters[0][1].reason == "unwritable"

    def test_a_fault_of_the_recorder_brings_back_one_message(self) -> None:
        world = World({"src": history("src", rule("dst", "a/", tags=(("x", "y"),)))})
        world.objects.fault = ZeroDivisionError()
        outcome = world.record(created(), replicated(Operation.FAILED, failure_code="X"))
        assert outcome.retry == ("m0",)
        assert world.state().status is Status.FAILED

    def test_rules_that_cannot_be_read_hold_back_what_depends_on_them(self) -> None:
        world = World({})
        world.histories.not_known = {"src": "AccessDenied"}
        outcome = world.record(created(), replicated(Operation.FAILED, failure_code="X"))
        assert outcome.retry == ("m0",)
        assert world.state().status is Status.FAILED

    def test_ignored_events_are_counted_and_done(self) -> None:
        outcome = World().record(Ignored("Object Restore Completed"))
        assert (outcome.retry, outcome.counts["ignored_events"]) == ((), 1)

    def test_a_change_of_configuration_is_read_before_the_objects_beside_it(self) -> None:
        world = World()
        world.record(created(), ConfigurationChanged("src", NOW, "c"))
        world.record(ConfigurationChanged(None, NOW, "refresh"))
        assert world.histories.forgotten == [("src", NOW), (None, None)]

    def test_an_empty_batch_is_done(self) -> None:
        assert World().record().retry == ()

    def test_counts_say_what_happened(self) -> None:
        world = World()
        counts = world.record(created(), created("dst", seconds=1)).counts
        assert (counts[Kind.REQUESTED], counts[Kind.ARRIVED]) == (1, 1)
        assert world.record(created()).counts["known_facts"] == 1


def test_a_not_yet_from_the_ledger_names_the_reason_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.ledger.refuse = {(version(), "dst"): NotYet("6 other writers came first")}
    world.record(created())
    assert "6 other writers came first" in caplog.text
