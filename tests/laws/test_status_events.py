"""The ledger's state can be rebuilt from the events alone, in whatever order they come."""

import json
import random
from pathlib import Path
from typing import Any

import jsonschema_rs
from hypothesis import given
from hypothesis import strategies as st

from replication.aws.table.ledger_item import compact, item_of
from replication.aws.table.stream_record import read_images
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.published.status_event import NONE, sequence, status_event, word
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from summarize.status_changes import StatusChanges
from tests.support.seeds import arrived, requested, stored
from tests.support.strategies import VERSION, facts, histories

SCHEMA = jsonschema_rs.Draft202012Validator(
    json.loads(
        (Path(__file__).parents[2] / "docs" / "events" / "status-changed-1.json").read_text()
    ),
    validate_formats=True,
)
ALL = frozenset({*Status, NONE})
Detail = dict[str, Any]


def stages(history: list[Fact], destination: str = "dst") -> list[LedgerItem]:
    """The item after each fact, in the order in which the tracker learns of them."""
    return [
        LedgerItem(VERSION, destination, fold(history[: number + 1]))
        for number in range(len(history))
    ]


def changes(items: list[LedgerItem]) -> list[dict[str, Any]]:
    """As the table's stream has them."""
    images = [item_of(one, 4) for one in items]
    return [
        {
            "dynamodb": {"SequenceNumber": str(number), "NewImage": new}
            | ({"OldImage": old} if old else {})
        }
        for number, (old, new) in enumerate(zip([None, *images], images, strict=False))
    ]


def events(records: list[dict[str, Any]], statuses: frozenset[str] = ALL) -> list[Detail]:
    sent: list[str] = []
    StatusChanges(read_images, sent.extend, statuses, frozenset()).hand_on(records)
    return [json.loads(one) for one in sent]


def rebuilt(of: list[Detail]) -> dict[tuple[str, ...], Detail]:
    """What a consumer has that keeps the event with the greatest sequence."""
    kept: dict[tuple[str, ...], Detail] = {}
    for one in of:
        subject = tuple(one[name] for name in ("bucket", "key", "version_id", "destination"))
        if subject not in kept or kept[subject]["sequence"] < one["sequence"]:
            kept[subject] = one
    return kept


def without_order(detail: Detail) -> Detail:
    return {
        name: value for name, value in detail.items() if name not in ("sequence", "previous_status")
    }


NOT_LISTED = facts().filter(lambda fact: not fact.quiet and fact.evidence is not Evidence.INVENTORY)


@given(
    st.lists(NOT_LISTED, min_size=1, max_size=8, unique_by=lambda fact: fact.order),
    st.randoms(use_true_random=False),
)
def test_shuffled_and_doubled_events_rebuild_the_state(
    history: list[Fact], chance: random.Random
) -> None:
    found = stages(history)
    sent = events(changes(found))
    delivered = [*sent, *sent]
    chance.shuffle(delivered)
    last = status_event(None, found[-1])
    (kept,) = rebuilt(delivered).values() or (None,)
    if last is None:
        # The item is as one that nothing is known of; so the events ended, or never began.
        assert kept is None or kept["status"] is None
    else:
        assert kept is not None
        assert without_order(kept) == without_order(json.loads(json.dumps(last)))


@given(histories(min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_facts_arrive_changes_no_sequence(
    history: list[Fact], chance: random.Random
) -> None:
    other = list(history)
    chance.shuffle(other)
    assert sequence(stages(history)[-1]) == sequence(stages(other)[-1])
    orders = [sequence(one) for one in stages(other)]
    assert orders == sorted(set(orders)), "it grows with every fact"


@given(histories(min_size=1, max_size=8))
def test_every_event_fits_the_published_schema(history: list[Fact]) -> None:
    for event in events(changes(stages(history))):
        assert [(one.instance_path, one.message) for one in SCHEMA.iter_errors(event)] == []


@given(histories(min_size=1, max_size=8), st.sets(st.sampled_from(sorted(ALL))))
def test_only_the_statuses_asked_for_are_told(history: list[Fact], wanted: set[str]) -> None:
    records = changes(stages(history))
    told = events(records, frozenset(wanted))
    assert told == [one for one in events(records) if word(one) in wanted]


def test_the_schema_names_every_member_and_no_other() -> None:
    schema = json.loads(
        (Path(__file__).parents[2] / "docs" / "events" / "status-changed-1.json").read_text()
    )
    found = status_event(None, stored(requested(0)))
    assert found is not None
    assert set(schema["properties"]) == set(schema["required"]) == set(found)


def test_a_common_life_is_two_events() -> None:
    pending, done = stored(requested(0)), stored(requested(0), arrived(4))
    told = events(changes([pending, done]))
    assert [(one["previous_status"], one["status"]) for one in told] == [
        (None, "PENDING"),
        ("PENDING", "COMPLETED"),
    ]
    assert told[0]["sequence"] < told[1]["sequence"]


def test_a_late_fact_that_changes_the_state_has_a_greater_sequence() -> None:
    """Nothing is newer than what was known before, but it is one fact more."""
    noted: tuple[Kind, float, dict[str, Any]] = (Kind.NOTED, 9.0, {})
    before, after = stored(requested(0), noted), stored(requested(0), noted, arrived(4))
    assert (before.record.state.status, after.record.state.status) == ("PENDING", "COMPLETED")
    assert sequence(before) < sequence(after)


def test_facts_that_are_folded_away_still_count() -> None:
    many = [(Kind.NOTED, float(n), {"id": f"n{n}"}) for n in range(1, 450)]
    whole = stored(requested(0), *many)
    assert compact(whole).base_facts > 0
    assert sequence(compact(whole)) == sequence(whole)


def test_what_an_inventory_lists_is_no_event_until_it_changes() -> None:
    listed = (Kind.OBSERVED, 0.0, {"status": Status.PENDING, "evidence": Evidence.INVENTORY})
    old, new = stored(listed), stored(listed, arrived(9))
    told = events(changes([old, new]))
    assert [one["status"] for one in told] == ["COMPLETED"]


def test_what_has_no_destination_or_is_gone_is_no_event() -> None:
    pending = stored(requested(0))
    assert status_event(pending, None) is None
    nowhere = stored((Kind.POSSIBLE, 0.0, {}), destination="")
    assert status_event(None, nowhere) is None
    replica = stored(arrived(3), destination="src", of=ObjectVersion("src", "k", "v"))
    assert status_event(None, replica) is None
