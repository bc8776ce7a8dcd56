"""What S3's replication rules say about a write, as the User Guide has it."""

from __future__ import annotations

from typing import Any

import pytest

from local.s3_replication.rules import Write, parse, routes, takes

ROLE = "arn:aws:iam::000000000000:role/replication"


def v2(rule_id: str, destination: str = "replica", **more: Any) -> dict[str, Any]:
    where = {"Bucket": f"arn:aws:s3:::{destination}", **more.pop("Destination", {})}
    return {"ID": rule_id, "Status": "Enabled", "Filter": {}, "Destination": where, **more}


def chosen(write: Write, *rules: dict[str, Any]) -> list[tuple[str, str]]:
    configuration = {"Role": ROLE, "Rules": list(rules)}
    return [(rule.rule_id, rule.destination) for rule in routes(parse(configuration), write)]


def test_an_object_goes_to_every_destination_some_rule_names() -> None:
    rules = (v2("one", "a"), v2("two", "b"), v2("other", "c", Filter={"Prefix": "logs/"}))
    assert chosen(Write(key="TaxDocs/1.pdf"), *rules) == [("one", "a"), ("two", "b")]


@pytest.mark.parametrize("flipped", [False, True])
def test_the_highest_priority_number_wins_at_one_destination(flipped: bool) -> None:
    rules = [v2("low", Priority=1), v2("high", Priority=2)]
    assert chosen(Write(key="k"), *reversed(rules) if flipped else rules) == [("high", "replica")]


def test_a_disabled_rule_takes_nothing() -> None:
    assert chosen(Write(key="k"), v2("off", Status="Disabled")) == []


def test_a_filter_with_and_asks_for_the_prefix_and_for_every_tag() -> None:
    both = {"Prefix": "p/", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}
    rule = v2("tagged", Filter={"And": both})
    assert chosen(Write(key="p/k", tags={"a": "1", "b": "2", "c": "3"}), rule)
    assert not chosen(Write(key="q/k", tags={"a": "1", "b": "2"}), rule)
    assert not chosen(Write(key="p/k", tags={"a": "1"}), rule)
    assert not chosen(Write(key="p/k", tags={"a": "1", "b": "x"}), rule)


def test_a_filter_may_be_one_tag() -> None:
    rule = v2("tag", Filter={"Tag": {"Key": "a", "Value": "1"}})
    assert chosen(Write(key="k", tags={"a": "1"}), rule)
    assert not chosen(Write(key="k"), rule)


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_archived_objects_are_not_replicated(storage_class: str) -> None:
    assert not chosen(Write(key="k", storage_class=storage_class), v2("all"))


@pytest.mark.parametrize("encryption", ["aws:kms", "aws:kms:dsse"])
def test_kms_objects_are_replicated_only_when_the_rule_selects_them(encryption: str) -> None:
    selects = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    write = Write(key="k", encryption=encryption)
    assert not chosen(write, v2("plain"))
    assert chosen(write, v2("kms", SourceSelectionCriteria=selects))
    assert chosen(Write(key="k", encryption="AES256"), v2("plain"))


def test_v1_rules_replicate_delete_markers() -> None:
    rule = {"ID": "v1", "Status": "Enabled", "Prefix": "p/", "Destination": {"Bucket": "replica"}}
    assert chosen(Write(key="p/k", delete_marker=True), rule) == [("v1", "replica")]
    assert chosen(Write(key="q/k", delete_marker=True), rule) == []


@pytest.mark.parametrize(("status", "replicated"), [("Enabled", True), ("Disabled", False)])
def test_v2_rules_replicate_delete_markers_when_they_say_so(status: str, replicated: bool) -> None:
    rule = v2("v2", DeleteMarkerReplication={"Status": status})
    assert bool(chosen(Write(key="k", delete_marker=True), rule)) is replicated
    assert not chosen(Write(key="k", delete_marker=True), v2("silent"))


def test_a_rule_with_a_tag_filter_never_replicates_delete_markers() -> None:
    rule = v2(
        "tagged",
        Filter={"Tag": {"Key": "a", "Value": "1"}},
        DeleteMarkerReplication={"Status": "Enabled"},
    )
    (parsed,) = parse({"Role": ROLE, "Rules": [rule]})
    assert not takes(parsed, Write(key="k", tags={"a": "1"}, delete_marker=True))


def test_a_rule_carries_what_the_events_and_the_replica_need() -> None:
    rule = v2(
        "rtc",
        Destination={
            "Metrics": {"Status": "Enabled"},
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            "StorageClass": "STANDARD_IA",
            "AccessControlTranslation": {"Owner": "Destination"},
        },
    )
    (parsed,) = parse({"Role": ROLE, "Rules": [rule]})
    assert (parsed.metrics, parsed.time_control, parsed.owner_override) == (True, True, True)
    assert (parsed.storage_class, parsed.role) == ("STANDARD_IA", ROLE)
    assert not parsed.replica_modifications
    (plain,) = parse({"Role": ROLE, "Rules": [v2("plain")]})
    assert (plain.metrics, plain.time_control, plain.owner_override) == (False, False, False)
