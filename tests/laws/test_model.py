"""The tracker against a model of S3, step by step: whatever goes wrong, it says nothing untrue.

A state machine lets users, S3 and the delivery of events do anything in any order (`machine.py`),
drives the real `Recorder`, `Attributor`, `Examiner` and `Reconciler` with it, and asks after every
step whether anything is said that is not so (`invariants.py`). `converge` ends the faults, delivers
everything once more, reconciles and reads an inventory of every bucket: from then on the ledger has
to say what S3's own header says, whatever events were lost.

Of what is gone from every bucket no inventory tells: when no event told, either, and it was in no
list, its end stays unheard of.
"""

import os
from collections.abc import Mapping

import pytest
from hypothesis import settings
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from replication.ledger.item import LedgerItem
from replication.ledger.state import Record, State
from replication.published import row
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from tests.laws import machine
from tests.laws.s3_model import SOURCE
from tests.laws.seeded_walks import walk_many
from tests.laws.walk import AN_HOUR

EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "60"))
"""Some seconds; thousands are for whoever changed what is checked here."""
FIRST = int(os.environ.get("LAWS_SEED", "0"))


class Machine(machine.Machine):
    """With an end."""

    @precondition(lambda self: bool(self.s3.written))
    @rule()
    def converge(self) -> None:
        """The faults end, the queue empties, everything is delivered once more, and S3 is asked
        until it tells nothing new."""
        self.s3.denied, self.s3.busy = frozenset(), None
        self.tracker.written.throttled = self.tracker.fate.calls = None
        self._send(2 * AN_HOUR)
        self._empty_the_queue()
        self.play_back()
        self._empty_the_queue()
        self._reconcile()
        self.tracker.read_inventories()
        self._send(2 * AN_HOUR)
        self._reconcile()
        for version, found in self.s3.written.items():
            if not found.replica:
                self._compare(version)
        for version, found in self.s3.held.items():
            if version.bucket != SOURCE and version not in self.s3.written:
                self._compare_copy(version, found.replica)

    def _empty_the_queue(self) -> None:
        for _ in range(5):
            self._receive(list(self.tracker.waiting.values()))
            self._send()
        waiting = [one for one in self.tracker.waiting.values() if not self._is_mark(one)]
        assert not waiting, f"the queue does not empty: {self.tracker.returned}"

    def _compare_copy(self, version: ObjectVersion, replica: bool) -> None:
        """What a destination has is known as a replica, of somebody or of nobody, or as nothing."""
        buckets = {*self.tracker.sources, version.bucket}
        known = [
            self.tracker.ledger.states(version.in_bucket(bucket)).get(version.bucket)
            for bucket in buckets
        ]
        there = any(state and state.arrived_at for state in known)
        if version in self.s3.gone or self._waits(version):
            # Deleted and made again: two events of one second have no order. Or a change of its
            # source is on its way: the destination need not be asked.
            return
        silent = self.s3.held[version].marker or self.s3.held[version].hidden
        # What shows nothing cannot be told from the bucket's own where its source is gone.
        assert there == replica or (silent and not there), f"{version} is a replica: {replica}"

    def _waits(self, copy: ObjectVersion) -> bool:
        originals = {copy.in_bucket(bucket) for bucket in self.tracker.sources}
        return any(
            self.s3.held[one].places.get(copy.bucket) in ("PENDING", "FAILED")
            for one in originals.intersection(self.s3.held)
        )

    def _reconcile(self) -> None:
        for look in range(6):
            found = self.tracker.reconcile_all()
            self._send(2 * AN_HOUR)
            if look and not any(name.startswith("found_") for name in found):
                return
        pytest.fail(f"reconciliation does not end: {found}")

    def _compare(self, version: ObjectVersion) -> None:
        known = self.tracker.ledger.states(version)
        if version not in self.s3.held:
            ended = any(state.deleted_at for state in known.values())
            assert ended or self.tracker.is_unlisted(version), f"{version} is gone"
            return
        there = self.s3.held[version]
        if there.hidden:
            return  # nobody but its owner can read how it fares
        statuses = {n: s.status for n, s in known.items() if n and not s.is_ruled_out}
        holders = {name for name in there.places if self._held(version, name)}
        # An aggregate does not say who waits or failed, of those that may.
        aggregate = self.s3.header(version) in ("PENDING", "FAILED")
        for name, state in known.items():
            decided = there.marker or aggregate or not state.in_doubt
            assert decided, f"{version} at {name} is in doubt for ever"
            if name and state.status is Status.COMPLETED:
                assert name in holders or state.lost_at, f"{name} has no {version}"
            if name and state.status is Status.FAILED and not self._hides(version):
                assert not self._is_well(version, name), f"{version} is well at {name}"
        assert holders <= set(statuses), f"{version} is at {holders}"
        if there.marker:
            return
        header = self.s3.header(version)
        well = [name for name in there.places if self._is_well(version, name)]
        if header == "PENDING" and len(well) + 1 < len(there.places):
            # Amazon does not say whether one failure shows while another destination is pending,
            # so the failure that an event told stands.
            assert self._shown(version, known) in ("PENDING", "FAILED")
            return
        assert self._shown(version, known) == header, f"{version}: {statuses}, not {header}"

    def _shown(self, version: ObjectVersion, known: Mapping[str, State]) -> str | None:
        """The status that the API shows; of a version nobody knows, none."""
        items = [LedgerItem(version, name, Record(state)) for name, state in known.items()]
        if not items:
            return None
        present = row.AsOf(self.s3.now())
        shown = row.summary(items, version.bucket, present)["replication_status"]
        return str(shown) if shown else None

    def _hides(self, version: ObjectVersion) -> bool:
        """Whether a destination failed whose replica shows no difference: a retention, say."""
        there = self.s3.held[version]
        copies = [
            self.s3.held.get(version.in_bucket(name))
            for name, status in there.places.items()
            if status == "FAILED"
        ]
        return any(copy is not None and copy.tags == there.tags for copy in copies)

    def _is_well(self, version: ObjectVersion, name: str) -> bool:
        """HEAD shows nothing that the destination lacks."""
        found = self.s3.held.get(version.in_bucket(name))
        there = self.s3.held[version]
        completed = there.places.get(name, "COMPLETED") == "COMPLETED"
        return found is not None and completed and found.tags == there.tags

    def _held(self, version: ObjectVersion, name: str) -> bool:
        found = self.s3.held.get(version.in_bucket(name))
        return found is not None and found.replica


def test_the_tracker_converges_to_what_s3_says() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=100, stateful_step_count=40, derandomize=True),
    )


def test_walks_of_a_busy_day_show_nothing_untrue() -> None:
    walk_many(Machine, FIRST, EXAMPLES)
