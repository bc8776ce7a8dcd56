"""What keeps the tracker from knowing is told with what to do."""

from dataclasses import replace
from typing import Any

import pytest

from replication.errors import Denied
from replication.s3.bucket_setup import Setup, Severity, findings
from replication.times import Instant
from tests.support.fakes import history, rule

NOW = Instant("2026-11-22T10:00:00.000Z")


def checks(*found: object) -> set[tuple[str, str, str]]:
    return {(one.bucket, one.check, one.severity) for one in found}  # type: ignore[attr-defined]


def test_a_bucket_that_is_well_has_no_finding() -> None:
    assert findings({"src": history("src", rule("dst"))}, ["dst"], [], {}) == []


def test_every_obstacle_is_found_and_says_what_to_do() -> None:
    histories = {
        "never-read": None,
        "silent": history("silent", rule("dst", metrics=False)),
        "idle": history("idle", rule("dst", enabled=False)),
        "far": history("far", rule("elsewhere")),
    }
    found = findings(histories, ["dst"], [(Denied("s3:GetObjectVersion", "src"), NOW)], {})
    assert checks(*found) == {
        ("never-read", "configuration", Severity.ERROR),
        ("silent", "metrics", Severity.ERROR),
        ("idle", "rules", Severity.WARNING),
        ("far", "destination", Severity.WARNING),
        ("src", "access", Severity.ERROR),
    }
    assert all(one.finding and one.fix for one in found)
    assert [one.observed_at for one in found if one.check == "access"] == [NOW]


def test_a_destination_whose_arrivals_no_event_reports_is_an_error_of_its_own() -> None:
    histories = {"src": history("src", rule("dst"))}
    (one,) = findings(histories, ["dst"], [], {}, {("src", "dst"): 7})
    assert (one.bucket, one.check, one.severity) == ("dst", "events", Severity.ERROR)
    assert "7 replicas from src" in one.finding
    assert "EventBridge" in one.fix


def test_a_disabled_rule_needs_no_metrics() -> None:
    histories = {"src": history("src", rule("dst"), rule("dst-b", enabled=False, metrics=False))}
    assert findings(histories, ["dst", "dst-b"], [], {}) == []


WELL = Setup(versioning="Enabled", eventbridge=True, replication_events=True, kms=False)


@pytest.mark.parametrize(
    ("amiss", "source", "destination"),
    [
        ({}, None, None),
        ({"versioning": None}, ("versioning", "error"), ("versioning", "error")),
        ({"versioning": "Suspended"}, ("versioning", "error"), ("versioning", "error")),
        ({"eventbridge": False}, ("eventbridge", "error"), ("eventbridge", "warning")),
        ({"routed": True}, None, None),
        ({"routed": False}, ("event-rule", "error"), ("event-rule", "warning")),
        ({"replication_events": False}, ("notifications", "error"), None),
        ({"kms": True}, ("kms", "warning"), None),
        ({"object_notifications": True, "eventbridge": False}, None, None),
        (
            {"object_notifications": False},
            ("object-events", "error"),
            ("object-events", "warning"),
        ),
    ],
)
def test_how_a_bucket_is_set_up_matters_by_its_role(
    amiss: dict[str, Any], source: tuple[str, str] | None, destination: tuple[str, str] | None
) -> None:
    histories = {"src": history("src", rule("dst"))}
    setup = replace(WELL, **amiss)
    for bucket, wanted in (("src", source), ("dst", destination), ("forgotten", None)):
        found = findings(histories, ["dst"], [], {bucket: (setup, NOW)})
        assert [(one.check, one.severity) for one in found] == ([wanted] if wanted else [])
        assert all(one.fix and one.observed_at == NOW for one in found)


def test_a_rule_that_takes_encrypted_objects_is_well() -> None:
    histories = {"src": history("src", rule("dst", kms=True), rule("dst-b", enabled=False))}
    setups = {"src": (replace(WELL, kms=True), NOW)}
    assert findings(histories, ["dst", "dst-b"], [], setups) == []
