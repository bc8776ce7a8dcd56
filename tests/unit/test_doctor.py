"""What keeps the tracker from knowing is told with what to do."""

from replication.doctor import Severity, examine
from replication.errors import Denied
from replication.times import Instant
from tests.fakes import history, rule

NOW = Instant("2026-11-22T10:00:00.000Z")


def checks(*found: object) -> set[tuple[str, str, str]]:
    return {(one.bucket, one.check, one.severity) for one in found}  # type: ignore[attr-defined]


def test_a_bucket_that_is_well_has_no_finding() -> None:
    assert examine({"src": history("src", rule("dst"))}, ["dst"], []) == []


def test_every_obstacle_is_found_and_says_what_to_do() -> None:
    histories = {
        "never-read": None,
        "silent": history("silent", rule("dst", metrics=False)),
        "idle": history("idle", rule("dst", enabled=False)),
        "far": history("far", rule("elsewhere")),
    }
    found = examine(histories, ["dst"], [(Denied("s3:GetObjectVersion", "src"), NOW)])
    assert checks(*found) == {
        ("never-read", "configuration", Severity.ERROR),
        ("silent", "metrics", Severity.ERROR),
        ("idle", "rules", Severity.WARNING),
        ("far", "destination", Severity.WARNING),
        ("src", "access", Severity.ERROR),
    }
    assert all(one.finding and one.fix for one in found)
    assert [one.observed_at for one in found if one.check == "access"] == [NOW]


def test_a_disabled_rule_needs_no_metrics() -> None:
    histories = {"src": history("src", rule("dst"), rule("dst-b", enabled=False, metrics=False))}
    assert examine(histories, ["dst", "dst-b"], []) == []
