"""The counters are a function of the items, whatever happened to them on the way."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.aws.table.expiry import DAY, expiry
from replication.aws.table.ledger_item import item_of
from replication.aws.table.stream_record import read_record
from replication.counters import histogram
from replication.counters.counter import (
    BenignKeys,
    CounterKey,
    Deltas,
    FailureKind,
    ItemImage,
    Period,
    Totals,
    current,
    deltas,
    merged,
)
from replication.counters.period import Level
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.ledger.retention import is_settled
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.times import plus
from summarize.recount import differences, is_current
from tests.support.seeds import arrived, failed, requested, stored, version
from tests.support.strategies import VERSION, histories

BENIGN = BenignKeys(("*.tflock",))


def image(one: LedgerItem | None) -> ItemImage | None:
    """As the stream has it."""
    if one is None:
        return None
    record = {"dynamodb": {"SequenceNumber": "1", "NewImage": item_of(one, 4)}}
    return read_record(record).new


def changes(stages: list[LedgerItem | None]) -> Deltas:
    pairs = zip([None, *stages], stages, strict=False)
    return merged([deltas(image(old), image(new), BENIGN) for old, new in pairs])


def of_standing(found: Deltas) -> dict[CounterKey, dict[str, int]]:
    kept = {
        view: {name: n for name, n in amounts.items() if is_current(view, name)}
        for view, amounts in found.items()
    }
    return {view: amounts for view, amounts in kept.items() if amounts}


@given(histories(max_size=8), st.randoms())
def test_the_deltas_of_any_history_add_up_to_a_recount_of_its_end(
    history: list[Fact], random: object
) -> None:
    """Facts arrive in any order; each makes the item the fold of what arrived so far."""
    random.shuffle(history)  # type: ignore[attr-defined]
    stages: list[LedgerItem | None] = [
        LedgerItem(VERSION, "dst", fold(history[: number + 1])) for number in range(len(history))
    ]
    counted = of_standing(changes(stages))
    end: Counter[tuple[CounterKey, str]] = Counter()
    for view, name, amount in current(image(stages[-1]) if stages else None, BENIGN):
        end[view, name] += amount
    recounted: dict[CounterKey, dict[str, int]] = {}
    for (view, name), amount in end.items():
        if amount:
            recounted.setdefault(view, {})[name] = amount
    assert counted == recounted


@given(histories(max_size=8))
def test_an_item_that_is_gone_counts_nowhere(history: list[Fact]) -> None:
    stages: list[LedgerItem | None] = [
        LedgerItem(VERSION, "dst", fold(history[: number + 1])) for number in range(len(history))
    ]
    assert of_standing(changes([*stages, None])) == {}


@given(histories(max_size=8))
def test_what_happened_is_never_taken_back(history: list[Fact]) -> None:
    stages: list[LedgerItem | None] = [
        LedgerItem(VERSION, "dst", fold(history[: number + 1])) for number in range(len(history))
    ]
    for view, amounts in changes(stages).items():
        for name, amount in amounts.items():
            assert is_current(view, name) or amount > 0


@given(histories(max_size=8))
def test_an_item_that_expired_while_it_was_completed_stays_counted_and_is_known_as_forgotten(
    history: list[Fact],
) -> None:
    """Whatever its life was: with what was forgotten, a recount of the empty index agrees."""
    one = LedgerItem(VERSION, "dst", fold(history))
    before, last = changes([one]), image(one)
    after = merged([before, deltas(last, None, BENIGN, expired=True)])
    assert differences(after, {}) == {}
    settled = is_settled(one.record.state) and bool(last and last.listed)
    assert counts(after, Totals)["FORGOTTEN"] == settled
    assert counts(after, Totals)["COMPLETED"] == settled
    assert counts(after, Period) == counts(before, Period) or not settled


@given(histories(max_size=8))
def test_only_a_settled_version_expires_and_no_watermark_knows_it(history: list[Fact]) -> None:
    one = LedgerItem(VERSION, "dst", fold(history))
    state, item = one.record.state, item_of(one, 4, 30)
    kept = item_of(one, 4)
    assert {name: item[name] for name in item if name != "expires_at" or name in kept} == kept
    if "expires_at" in item and not state.deleted_at:
        assert state.status is Status.COMPLETED
        assert not state.in_doubt
        assert state.lost_at is None
        assert state.outstanding_since is None, "a watermark would move"
        assert "held" not in item
        assert state.observed_at is not None
        assert item["expires_at"] == expiry(plus(state.observed_at, 30 * DAY))


def counts(found: Deltas, kind: type[CounterKey], **fields: object) -> Counter[str]:
    total: Counter[str] = Counter()
    for view, amounts in found.items():
        if isinstance(view, kind) and all(getattr(view, n) == v for n, v in fields.items()):
            total.update(amounts)
    return total


def test_a_life_is_created_and_completed_once_with_its_latency() -> None:
    found = changes([stored(requested(0)), stored(requested(0), arrived(3))])
    for level in Level:
        counted = counts(found, Period, level=level)
        assert (counted["created"], counted["completed"], counted["failed"]) == (1, 1, 0)
        # The request lies anywhere in its second.
        assert counted[f"latency_{histogram.bucket_of(2.5)}"] == 1
        assert counted["pending"] == 0
    assert counts(found, Totals) == {"COMPLETED": 1, "COMPLETED_bytes": 1024}


def test_a_failure_that_recovered_has_happened_and_no_longer_stands() -> None:
    stages = [requested(0)], [requested(0), failed(3)], [requested(0), failed(3), arrived(9)]
    found = changes([stored(*stage) for stage in stages])
    assert counts(found, FailureKind) == {"failures": 1}
    assert counts(found, Period, level=Level.DAY)["failed"] == 1
    assert counts(found, Totals)["COMPLETED"] == 1
    assert counts(found, Totals)["FAILED"] == 0


def test_a_creation_told_by_two_channels_is_one() -> None:
    once, twice = requested(0), (Kind.REQUESTED, 0.12, {"id": "other", "size": 1024})
    found = changes([stored(once), stored(once, twice)])
    assert counts(found, Period, level=Level.DAY)["created"] == 1


def test_what_an_inventory_lists_stands_and_did_not_happen() -> None:
    listed = stored(
        (Kind.OBSERVED, 9, {"status": Status.COMPLETED, "evidence": Evidence.INVENTORY})
    )
    found = changes([listed])
    assert counts(found, Totals)["COMPLETED"] == 1
    assert counts(found, Period) == {}


def test_an_arrival_that_was_only_seen_has_no_latency() -> None:
    seen = (Kind.OBSERVED, 900, {"status": Status.COMPLETED, "evidence": Evidence.HEAD_SOURCE})
    found = changes([stored(requested(0)), stored(requested(0), seen)])
    names = counts(found, Period, level=Level.DAY)
    assert names["completed"] == 1
    assert not [name for name in names if name.startswith("latency_")]


def test_failures_of_benign_keys_are_kept_apart() -> None:
    found = changes([stored(requested(0), failed(1), of=version("state/a.tflock"))])
    assert counts(found, FailureKind, benign=True)["failing"] == 1
    assert counts(found, FailureKind, benign=False) == {}


@given(st.lists(st.floats(0.0, 1e7), min_size=1, max_size=50), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_within_a_twentieth_of_the_truth(
    latencies: list[float], share: float
) -> None:
    counted = Counter(map(histogram.bucket_of, latencies))
    truth = sorted(latencies)[max(1, -(-int(share * 100) * len(latencies) // 100)) - 1]
    told = histogram.quantile(counted, share)
    assert told is not None
    assert told == pytest.approx(truth, rel=0.05, abs=0.002)


@given(st.lists(st.floats(0.0, 1e7)), st.lists(st.floats(0.0, 1e7)))
def test_histograms_add_up(one: list[float], other: list[float]) -> None:
    first, second = (Counter(map(histogram.bucket_of, many)) for many in (one, other))
    assert first + second == Counter(map(histogram.bucket_of, [*one, *other]))


def test_no_latency_makes_a_histogram_longer_than_it_may_be() -> None:
    assert histogram.bucket_of(1e12) == histogram.MOST_BUCKETS - 1
    assert histogram.bucket_of(-5) == histogram.bucket_of(0) == 0
    assert histogram.quantile({}, 0.5) is None


@pytest.mark.parametrize(
    ("who", "expired"),
    [
        ({"type": "Service", "principalId": "dynamodb.amazonaws.com"}, True),
        ({"type": "Service", "principalId": "other.amazonaws.com"}, False),
        ({"type": "AssumedRole", "principalId": "dynamodb.amazonaws.com"}, False),
        (None, False),
    ],
)
def test_only_dynamodb_forgets_and_what_somebody_deletes_is_taken_off(
    who: dict[str, str] | None, expired: bool
) -> None:
    old = item_of(stored(requested(0), arrived(3)), 4, 30)
    record = {"dynamodb": {"SequenceNumber": "1", "OldImage": old}, "userIdentity": who}
    read = read_record(record)
    assert read.expired is expired
    found = deltas(read.old, read.new, BENIGN, expired=read.expired)
    wanted = {"FORGOTTEN": 1, "FORGOTTEN_bytes": 1024}
    assert counts(found, Totals) == (
        wanted if expired else {"COMPLETED": -1, "COMPLETED_bytes": -1024}
    )


def test_an_expired_item_that_was_not_completed_any_more_is_taken_off() -> None:
    """DynamoDB removed what a write had just made PENDING or FAILED again."""
    for life in ([requested(0)], [requested(0), failed(1)]):
        found = deltas(image(stored(*life)), None, BENIGN, expired=True)
        assert not counts(found, Totals)["FORGOTTEN"]
        assert min(counts(found, Totals).values()) < 0
