"""The short form of `make parity`: a seeded random life with faults on a stack of its own."""

from pathlib import Path

import pytest

from local import server, stack
from local.parity.run import run, up

SEED = 20261125


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
    assert len(verdict.unheard) <= 15
