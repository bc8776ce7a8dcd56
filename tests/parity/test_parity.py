"""The short form of `make parity`: a seeded random life with faults on a stack of its own."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from local import stack
from local.emulator import server
from local.parity import verdict as reasons
from local.parity.run import Result, run, up

SEED = 20261125
REASONS: dict[str, Callable[[Result], int]] = {
    reasons.END_UNHEARD: lambda run: run.lost_events,
    reasons.SOURCE_UNHEARD: lambda run: run.lost_events,
    reasons.ENCRYPTED_UNHEARD: lambda run: run.lost_events,
    reasons.ENCRYPTED_IN_DOUBT: lambda run: run.verdict.encrypted.total(),
    reasons.ENCRYPTED_UNREAD: lambda run: run.verdict.encrypted.total(),
    reasons.BESIDE_A_FAILURE: lambda run: run.verdict.headers["FAILED"],
    reasons.MADE_UNTOLD: lambda run: run.verdict.headers["delete marker"],
    reasons.MARKER_IN_DOUBT: lambda run: run.verdict.headers["delete marker"],
}
"""Why a version may stay untold, and of how many of its kind something was lost or is told."""


@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_after_lost_late_and_doubled_events_every_answer_equals_s3_s_own(tmp_path: Path) -> None:
    outputs = up(server.free_port(), tmp_path, tied=True)
    try:
        result = run(outputs, SEED, versions=160, progress=lambda *_: None, rule_changes=4)
    finally:
        stack.down(tmp_path)
    verdict = result.verdict
    assert verdict.differences == []
    # Nothing was compared with nothing.
    assert verdict.compared > 600
    assert {"COMPLETED", "FAILED", "delete marker", "gone", "no header"} <= set(verdict.headers)
    assert result.lost_events > 5
    assert result.listed["replica"] > 50
    assert {"COMPLETED", "FAILED"} <= set(verdict.encrypted)
    assert result.done["tag late"] > 0
    assert result.done["untag late"] > 0
    assert result.done["refuse or repair"] > 1
    assert result.done["hide or show"] > 1
    # What nobody can tell stays the exception of its kind. How many versions are written before
    # the tracker has read the changed rules depends on the machine, so no number is fixed.
    untold = Counter(verdict.unheard.values())
    assert untold.keys() <= REASONS.keys()
    for reason, told in REASONS.items():
        assert untold[reason] < told(result), f"{reason}: {untold[reason]}"
