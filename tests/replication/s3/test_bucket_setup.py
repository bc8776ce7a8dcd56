"""What keeps the tracker from knowing is told with what to do."""

from dataclasses import replace
from typing import Any

import pytest

from replication.errors import ASSUME_ROLE, Denied
from replication.s3.bucket_setup import Setup, Severity, findings
from replication.s3.event_paths import is_deaf_to
from replication.times import Instant
from replication.topology import Place, Topology
from tests.support.fakes import history, rule

NOW = Instant("2026-11-22T10:00:00.000Z")


def among(*destinations: str) -> Topology:
    return Topology(destinations=destinations)


def checks(*found: object) -> set[tuple[str, str, str]]:
    return {(one.bucket, one.check, one.severity) for one in found}  # type: ignore[attr-defined]


def test_a_bucket_that_is_well_has_no_finding() -> None:
    assert findings({"src": history("src", rule("dst"))}, among("dst"), [], {}) == []


def test_every_obstacle_is_found_and_says_what_to_do() -> None:
    histories = {
        "never-read": None,
        "silent": history("silent", rule("dst", metrics=False)),
        "idle": history("idle", rule("dst", enabled=False)),
        "far": history("far", rule("elsewhere")),
    }
    found = findings(histories, among("dst"), [(Denied("s3:GetObjectVersion", "src"), NOW)], {})
    assert checks(*found) == {
        ("never-read", "configuration", Severity.ERROR),
        ("silent", "metrics", Severity.ERROR),
        ("idle", "rules", Severity.WARNING),
        ("far", "destination", Severity.ERROR),
        ("src", "access", Severity.ERROR),
    }
    assert all(one.finding and one.fix for one in found)
    assert [one.observed_at for one in found if one.check == "access"] == [NOW]


def test_a_destination_whose_arrivals_no_event_reports_is_an_error_of_its_own() -> None:
    histories = {"src": history("src", rule("dst"))}
    (one,) = findings(histories, among("dst"), [], {}, {("src", "dst"): 7})
    assert (one.bucket, one.check, one.severity) == ("dst", "events", Severity.ERROR)
    assert "7 replicas from src" in one.finding
    assert "EventBridge" in one.fix


def test_a_disabled_rule_needs_no_metrics() -> None:
    histories = {"src": history("src", rule("dst"), rule("dst-b", enabled=False, metrics=False))}
    assert findings(histories, among("dst", "dst-b"), [], {}) == []


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
        found = findings(histories, among("dst"), [], {bucket: (setup, NOW)})
        assert [(one.check, one.severity) for one in found] == ([wanted] if wanted else [])
        assert all(one.fix and one.observed_at == NOW for one in found)


def test_a_rule_that_takes_encrypted_objects_is_well() -> None:
    histories = {"src": history("src", rule("dst", kms=True), rule("dst-b", enabled=False))}
    setups = {"src": (replace(WELL, kms=True), NOW)}
    assert findings(histories, among("dst", "dst-b"), [], setups) == []


@pytest.mark.parametrize(
    ("declared", "real", "wrong"),
    [
        ("eu-west-1", "eu-west-1", False),
        ("eu-central-1", "eu-west-1", True),
        ("eu-central-1", None, False),
        (None, "eu-west-1", False),
    ],
)
def test_a_bucket_in_another_region_than_declared_is_an_error_with_the_line_to_write(
    declared: str | None, real: str | None, wrong: bool
) -> None:
    topology = Topology(("src",), ("dst",), {"dst": Place("1", declared)})
    setups = {"dst": (replace(WELL, region=real), NOW)}
    found = findings({"src": history("src", rule("dst"))}, topology, [], setups)
    assert [(one.bucket, one.check, one.severity) for one in found] == wrong * [
        ("dst", "region", "error")
    ]
    assert all('region = "eu-west-1"' in one.fix for one in found)
    assert is_deaf_to("dst", topology, setups) is wrong


def test_a_role_that_cannot_be_assumed_is_about_the_collector() -> None:
    (found,) = findings({}, among("dst"), [(Denied(ASSUME_ROLE, "dst"), NOW)], {})
    assert (found.check, found.severity) == ("access", Severity.ERROR)
    assert "collector" in found.fix


def test_no_event_comes_from_buckets_that_are_not_tracked_or_send_none() -> None:
    topology = among("dst")
    assert not is_deaf_to("dst", topology, {}), "not inspected yet"
    assert not is_deaf_to("dst", topology, {"dst": (WELL, NOW)})
    assert is_deaf_to("dst", topology, {"dst": (replace(WELL, eventbridge=False), NOW)})
    assert is_deaf_to("other", topology, {"other": (WELL, NOW)})
