"""What an inventory tells is old news, and what may not be looked at stays in doubt."""

from collections import Counter

import pytest

from backfill.row_claims import RowClaims
from backfill.rows import Rows
from replication.aws.table.ledger_item import item_of
from replication.aws.table.stream_record import became_failed, read_record
from replication.counters.counter import BenignKeys, deltas
from replication.head.port import Head
from replication.ledger.edges import EdgeKind
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.ledger.port import Claim
from replication.ledger.state import Record
from replication.ledger.version_items import replication_status
from replication.s3.deliveries import Delivery, Listed, Row, Task
from replication.s3.evidence import Evidence
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import Configuration
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.support.fakes import MemoryLedger, MemoryObjects, history, rule
from tests.support.seeds import stored

SCANNED = Instant("2026-11-22T10:00:00.000Z")
NOW = Instant("2026-11-22T12:00:00.000Z")
WRITTEN = Instant("2026-10-20T08:30:00.000Z")
YOUNG = "2026-11-20T00:00:00.000Z"
V = ObjectVersion("src", "a/k", "v1")


def reads(status: str | None) -> Head:
    return Head(status, delete_marker=False, last_modified=WRITTEN)


def read(
    row: Row, of: RuleHistory, objects: MemoryObjects, ledger: MemoryLedger | None = None
) -> MemoryLedger:
    """The ledger once a delivery that holds the row was read."""
    ledger = ledger or MemoryLedger()
    evidence = Evidence.INVENTORY if isinstance(row, Listed) else Evidence.BATCH_REPORT
    delivery = Delivery(evidence, SCANNED, (), (), "src")
    Rows(
        read=lambda _: row,
        row_claims=lambda _: RowClaims(delivery, "run", of),
        ledger=ledger,
        objects=objects,
        histories={"src": of},
        now=lambda: NOW,
    ).write([b"row"], 0)
    return ledger


def heard(ledger: MemoryLedger, before: MemoryLedger | None = None) -> tuple[int, Counter[str]]:
    """How many failures are announced, and how many edges are counted in a timeline."""
    told, counted = 0, Counter[str]()
    for (version, name), record in ledger.records.items():
        known = before.records.get((version, name)) if before else None
        old = item_of(LedgerItem(version, name, known), 2) if known else None
        new = item_of(LedgerItem(version, name, record), 2)
        told += became_failed(old, new)
        images = {"SequenceNumber": "1", "OldImage": old, "NewImage": new}
        change = read_record({"dynamodb": images})
        for amounts in deltas(change.old, change.new, BenignKeys()).values():
            counted.update({word: n for word, n in amounts.items() if word in tuple(EdgeKind)})
    return told, +counted


FAILED = Listed(V, Status.FAILED, last_modified=WRITTEN, size=7)


class TestAFailureOfLastMonth:
    def test_that_is_clear_from_its_row_is_neither_announced_nor_counted_today(self) -> None:
        ledger = read(FAILED, history("src", rule("dst")), MemoryObjects())
        assert ledger.records[V, "dst"].state.status is Status.FAILED
        assert heard(ledger) == (0, {})

    def test_that_s3_is_asked_about_because_of_it_neither(self) -> None:
        """The version is older than the tracker, so its row alone does not say where it failed."""
        objects = MemoryObjects({V: reads("FAILED")})
        ledger = read(FAILED, history("src", rule("dst"), since=YOUNG), objects)
        assert objects.asked
        assert ledger.records[V, "dst"].state.status is Status.FAILED
        assert heard(ledger) == (0, {})

    def test_of_several_destinations_neither(self) -> None:
        objects = MemoryObjects({V: reads("FAILED"), V.in_bucket("a"): reads("REPLICA")})
        ledger = read(FAILED, history("src", rule("a"), rule("b")), objects)
        assert ledger.records[V, "b"].state.status is Status.FAILED
        assert ledger.records[V, "a"].state.status is Status.COMPLETED
        assert heard(ledger) == (0, {})

    def test_that_a_replica_tells_of_neither(self) -> None:
        row = Listed(V.in_bucket("dst"), None, replica=True, last_modified=WRITTEN)
        objects = MemoryObjects({V: reads("FAILED"), V.in_bucket("dst"): reads("REPLICA")})
        known = history("src", rule("dst"))
        ledger = MemoryLedger()
        delivery = Delivery(Evidence.INVENTORY, SCANNED, (), (), "dst")
        Rows(
            read=lambda _: row,
            row_claims=lambda _: RowClaims(delivery, "run", None, is_destination=True),
            ledger=ledger,
            objects=objects,
            histories={"src": known},
            now=lambda: NOW,
        ).write([b"row"], 0)
        assert ledger.records[V, "dst"].state.status is Status.FAILED
        assert heard(ledger) == (0, {})

    def test_that_fails_once_more_for_another_reason_today_is_news(self) -> None:
        ledger = read(FAILED, history("src", rule("dst")), MemoryObjects())
        before = MemoryLedger(dict(ledger.records))
        (again,) = stored(
            (Kind.FAILED, 3599, {"failure_code": "X"}), of=V, destination="dst"
        ).record.facts
        ledger.write([Claim(again)])
        told, counted = heard(ledger, before)
        assert (told, counted["failed"]) == (1, 3), "by minute, hour and day"

    def test_of_a_batch_report_is_announced_and_counted(self) -> None:
        """A job has just done it."""
        task = Task(V, succeeded=False, code="DstPutObjectNotPermitted")
        ledger = read(task, history("src", rule("dst")), MemoryObjects())
        told, counted = heard(ledger)
        assert (told, counted["failed"]) == (1, 3), "by minute, hour and day"

    def test_that_a_look_because_of_a_report_finds_is_announced(self) -> None:
        task = Task(V, succeeded=True)
        objects = MemoryObjects({V: reads("FAILED")})
        ledger = read(task, history("src", rule("dst")), objects)
        assert ledger.records[V, "dst"].state.status is Status.FAILED
        assert heard(ledger)[0] == 1


class TestWhatMayNotBeLookedAt:
    def read(self, status: Status, *, old: bool = True) -> dict[str, Record]:
        since = YOUNG if old else "2026-01-01T00:00:00.000Z"
        known = history("src", rule("a"), rule("b"), since=since)
        ledger = read(
            Listed(V, status, last_modified=WRITTEN, size=7),
            known,
            MemoryObjects(denied={"src", "a", "b"}),
        )
        return {name: record for (_, name), record in ledger.records.items()}

    @pytest.mark.parametrize("status", Status)
    def test_is_in_doubt_wherever_it_may_be_since_it_was_written(self, status: Status) -> None:
        """Reconciliation comes across it, and asks again."""
        records = self.read(status)
        for name in ("a", "b"):
            state = records[name].state
            assert (state.status, state.in_doubt, state.outstanding_since) == (None, True, WRITTEN)
            item = item_of(LedgerItem(V, name, records[name]), 2)
            assert item["position"]["S"].startswith("IN_DOUBT#")
        assert records[""].state.status is status

    def test_is_not_in_doubt_where_the_row_itself_says_it(self) -> None:
        records = self.read(Status.COMPLETED, old=False)
        assert {name: record.state.status for name, record in records.items()} == {
            "a": Status.COMPLETED,
            "b": Status.COMPLETED,
        }
        assert not any(record.state.in_doubt for record in records.values())

    def test_stays_what_events_told_of_it(self) -> None:
        ledger = MemoryLedger()
        facts = stored((Kind.REQUESTED, 0), (Kind.ARRIVED, 5), of=V, destination="a").record.facts
        ledger.write([Claim(one) for one in facts])
        known = history("src", rule("a"), rule("b"), since=YOUNG)
        row = Listed(V, Status.PENDING, last_modified=WRITTEN)
        read(row, known, MemoryObjects(denied={"src"}), ledger)
        state = ledger.records[V, "a"].state
        assert (state.status, state.in_doubt) == (Status.COMPLETED, None)
        assert ledger.records[V, "b"].state.in_doubt

    def test_of_a_destination_alone_hides_nothing_of_the_other(self) -> None:
        known = history("src", rule("a"), rule("b"), since=YOUNG)
        objects = MemoryObjects(
            {V: reads("PENDING"), V.in_bucket("a"): reads("REPLICA")}, denied={"b"}
        )
        row = Listed(V, Status.PENDING, last_modified=WRITTEN)
        ledger = read(row, known, objects)
        assert ledger.records[V, "a"].state.status is Status.COMPLETED
        refused = ledger.records[V, "b"].state
        assert (refused.in_doubt, refused.outstanding_since) == (True, WRITTEN)

    def test_leaves_the_status_that_was_read_of_the_version(self) -> None:
        known = history("src", rule("a"), rule("b"), since=YOUNG)
        objects = MemoryObjects(
            {V: reads("COMPLETED"), V.in_bucket("a"): reads("REPLICA")}, denied={"b"}
        )
        ledger = read(Listed(V, Status.COMPLETED, last_modified=WRITTEN), known, objects)
        items = [
            LedgerItem(version, name, record) for (version, name), record in ledger.records.items()
        ]
        assert ledger.records[V, "b"].state.in_doubt
        assert replication_status(items) is Status.COMPLETED


def test_a_version_that_was_listed_between_two_rules_may_have_met_either() -> None:
    """The rules changed about when it was written: S3 is asked at both destinations."""
    change = plus(WRITTEN, 30)
    first = Revision(plus(WRITTEN, -86_400), Configuration((rule("old"),)))
    second = Revision(change, Configuration((rule("new"),)))
    objects = MemoryObjects({V: reads("COMPLETED"), V.in_bucket("old"): reads("REPLICA")})
    row = Listed(V, Status.COMPLETED, last_modified=WRITTEN)
    ledger = read(row, RuleHistory("src", (first, second)), objects)
    assert ledger.records[V, "old"].state.status is Status.COMPLETED
    assert (V, "new") not in ledger.records


@pytest.mark.parametrize("known", [True, False])
def test_what_the_ledger_knows_already_costs_no_look(known: bool) -> None:
    objects = MemoryObjects({V: reads("PENDING")})
    ledger = MemoryLedger()
    if known:
        facts = stored((Kind.REQUESTED, 0), of=V, destination="dst").record.facts
        ledger.write([Claim(one) for one in facts])
    row = Listed(V, Status.PENDING, last_modified=WRITTEN)
    read(row, history("src", rule("dst"), since=YOUNG), objects, ledger)
    assert bool(objects.asked) is not known
