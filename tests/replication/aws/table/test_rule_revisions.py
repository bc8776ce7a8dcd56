"""What is kept of each source bucket's rules, and for how long."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from replication.aws.table.rule_revisions import AUDIT_DAYS, MOST_PREFIXES, OWN_DAYS, REPLICAS_DAYS
from replication.s3.rule_history import Revision
from replication.s3.rules import parse_configuration
from replication.times import Instant, plus
from tests.replication.aws.rules import NOW, Kept, raw
from tests.replication.aws.rules import world as new_world

DAY = 86_400


@pytest.fixture
def world() -> Iterator[Kept]:
    with new_world() as made:
        yield made


def revision(since: Instant, *destinations: str, **more: Any) -> Revision:
    return Revision(since, parse_configuration(raw(*destinations)), **more)


def test_a_bucket_that_was_never_read_has_no_history(world: Kept) -> None:
    assert world.table.load("src") is None


def test_revisions_come_back_as_they_were_kept(world: Kept) -> None:
    first = revision(NOW, "a", not_before=NOW, noticed_at=NOW)
    later = revision(
        plus(NOW, 60), "a", "b", not_before=plus(NOW, 50), told=True, noticed_at=plus(NOW, 70),
        looked_back=False,
    )  # fmt: skip
    world.table.append("src", first, raw("a"))
    world.table.append("src", later, raw("a", "b"))
    world.table.append("other", first, raw("c"))
    known = world.table.load("src")
    assert known is not None
    assert known.revisions == (first, later)
    assert [one.span for one in known.revisions] == [first.span, later.span]
    assert known.certain_until == later.look_back[0]


def test_a_history_that_nobody_confirmed_was_read_when_its_last_revision_began(
    world: Kept,
) -> None:
    world.table.append("src", revision(NOW, "a"), raw("a"))
    known = world.table.load("src")
    assert known is not None
    assert known.read_at == NOW
    world.table.note_read("src", plus(NOW, 60))
    known = world.table.load("src")
    assert known is not None
    assert known.read_at == plus(NOW, 60)


def test_missed_events_are_missing_until_a_later_inventory_is_read(world: Kept) -> None:
    world.table.append("src", revision(NOW, "a"), raw("a"))
    world.table.note_listed("src", NOW)

    def missed() -> Instant | None:
        known = world.table.load("src")
        assert known is not None
        assert known.listed
        return known.missed_until

    assert missed() is None
    for until in (plus(NOW, 4_200), plus(NOW, 7_800)):
        world.table.note_missed("src", until)
        assert missed() == until
    world.table.note_listed("src", plus(NOW, 7_799))
    assert missed() == plus(NOW, 7_800)
    world.table.note_listed("src", plus(NOW, 7_800))
    assert missed() is None
    world.table.note_missed("dst", NOW)
    assert world.table.load("dst") is None, "a destination has no rules"


class TestARevisionOfWhichMoreBecomesKnown:
    def test_moves_to_the_second_that_was_told(self, world: Kept) -> None:
        first, noticed = revision(NOW, "a"), revision(plus(NOW, 60), "b", looked_back=False)
        for one, rules in ((first, raw("a")), (noticed, raw("b"))):
            world.table.append("src", one, rules)
        exact = replace(noticed, since=plus(NOW, 30), not_before=plus(NOW, 30), told=True)
        world.table.amend("src", noticed.since, exact)
        known = world.table.load("src")
        assert known is not None
        assert known.revisions == (first, exact)

    def test_may_stay_where_it_is(self, world: Kept) -> None:
        one = revision(NOW, "a")
        world.table.append("src", one, raw("a"))
        exact = replace(one, told=True, not_before=plus(NOW, -5))
        world.table.amend("src", NOW, exact)
        known = world.table.load("src")
        assert known is not None
        assert known.revisions == (exact,)

    def test_that_another_process_has_moved_already_is_let_be(self, world: Kept) -> None:
        world.table.append("src", revision(NOW, "a"), raw("a"))
        world.table.amend("src", plus(NOW, 5), revision(plus(NOW, 4), "b"))
        known = world.table.load("src")
        assert known is not None
        assert len(known.revisions) == 1

    def test_that_was_looked_back_at_says_so(self, world: Kept) -> None:
        world.table.append("src", revision(NOW, "a"), raw("a"))
        world.table.append("src", revision(plus(NOW, 60), "b", looked_back=False), raw("b"))
        world.table.note_looked_back("src", plus(NOW, 60))
        known = world.table.load("src")
        assert known is not None
        assert known.revisions[1].looked_back
        assert known.certain_until == known.read_at

    def test_looking_back_at_none_makes_none(self, world: Kept) -> None:
        world.table.note_looked_back("src", NOW)
        assert world.table.load("src") is None


class TestWhatIsLearntOfABucket:
    @pytest.fixture(autouse=True)
    def _read_once(self, world: Kept) -> None:
        world.table.append("src", revision(NOW, "a"), raw("a"))

    def test_a_destination_that_s3_spoke_of_is_one_for_ever(self, world: Kept) -> None:
        world.table.note_destination("src", "stranger")
        world.wait(1000 * DAY)
        known = world.table.load("src")
        assert known is not None
        assert known.destinations == ("a", "stranger")
        assert known.may_take("any/key", "stranger")

    def test_prefixes_of_replicas_count_for_a_week_after_the_last(self, world: Kept) -> None:
        world.table.note_replicas("src", "logs/")
        world.wait((REPLICAS_DAYS - 1) * DAY)
        world.table.note_replicas("src", "other/")
        known = world.table.load("src")
        assert known is not None
        assert known.replicas_under == ("logs/", "other/")
        world.wait(2 * DAY)
        known = world.table.load("src")
        assert known is not None
        assert known.replicas_under == ("other/",)

    def test_many_prefixes_are_the_whole_bucket(self, world: Kept) -> None:
        for number in range(MOST_PREFIXES + 1):
            world.table.note_replicas("src", f"{number}/")
        known = world.table.load("src")
        assert known is not None
        assert known.may_be_replica("any/key")

    def test_a_route_is_audited_in_full_for_a_day_after_the_last_find(self, world: Kept) -> None:
        world.table.note_audit("src", "a")
        known = world.table.load("src")
        assert known is not None
        assert known.audited_whole == ("a",)
        world.wait(AUDIT_DAYS * DAY + 1)
        known = world.table.load("src")
        assert known is not None
        assert known.audited_whole == ()

    def test_a_destination_that_takes_many_objects_of_its_own_is_known_for_a_day(
        self, world: Kept
    ) -> None:
        assert not world.table.takes_own("dst")
        world.table.note_own("dst")
        assert world.table.takes_own("dst")
        world.wait(OWN_DAYS * DAY + 1)
        assert not world.table.takes_own("dst")

    def test_that_what_was_before_is_listed_stays_known(self, world: Kept) -> None:
        known = world.table.load("src")
        assert known is not None
        assert not known.listed
        world.table.note_listed("src", NOW)
        world.wait(1000 * DAY)
        known = world.table.load("src")
        assert known is not None
        assert known.listed

    def test_what_expires_leaves_the_table_too(self, world: Kept) -> None:
        world.table.note_replicas("src", "logs/")
        world.table.note_audit("src", "a")
        world.table.note_own("src")
        items = world.client.scan(TableName="ledger")["Items"]
        notes = [item for item in items if item["sk"]["S"].startswith("~")]
        assert len(notes) == 3
        assert all("expires_at" in item for item in notes)


def test_a_configuration_of_many_rules_fits_into_an_item(world: Kept) -> None:
    """S3 allows 1,000 rules."""
    names = [f"destination-{number}" for number in range(1000)]
    world.table.append("src", revision(NOW, *names), raw(*names))
    known = world.table.load("src")
    assert known is not None
    assert len(known.current.rules) == 1000
