"""Which findings of the doctor stand in the way of a redrive."""

import ast
import inspect

import pytest

from redrive.cause import OF_THE_TRACKER, concerns
from replication.s3 import bucket_setup
from replication.s3.bucket_setup import Finding, Severity
from replication.times import Instant

NOW = Instant("2026-11-22T10:00:00.000Z")
STOP_S3 = {"versioning", "rules", "configuration", "kms"}
"""Without any of these S3 replicates nothing, or nobody knows by which rules it does."""


def checks() -> set[str]:
    """The codes of all findings about buckets, as the code has them."""
    tree = ast.parse(inspect.getsource(bucket_setup))
    return {
        str(call.args[1].value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "Finding"
        and isinstance(call.args[1], ast.Constant)
    }


def test_every_finding_is_known_to_stop_s3_or_the_tracker_alone() -> None:
    assert checks() >= {"versioning", "region", "access"}, "this test has stopped seeing them"
    assert checks() <= OF_THE_TRACKER | STOP_S3
    assert not OF_THE_TRACKER & STOP_S3


@pytest.mark.parametrize(("check", "stands_open"), [("versioning", True), ("region", False)])
def test_only_what_stops_s3_stands_in_the_way(check: str, stands_open: bool) -> None:
    found = Finding("dst", check, Severity.ERROR, "It is wrong.", "Mend it.")
    assert bool(concerns((), [found], [("src", "dst")], NOW)) is stands_open
