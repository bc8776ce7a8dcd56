"""Which destinations a configuration sends an object to, V1 and V2."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.s3.rules import TagsNeeded, Target, parse_configuration, targets

Raw = dict[str, Any]


def rule(destination: str = "dst", **changes: Any) -> Raw:
    """A V2 rule that takes everything; `None` removes a part."""
    parts = {
        "ID": "r",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {},
        "Destination": {"Bucket": f"arn:aws:s3:::{destination}"},
        "DeleteMarkerReplication": {"Status": "Disabled"},
    }
    return {name: part for name, part in (parts | changes).items() if part is not None}


def sent_to(*rules: Raw, key: str = "a/b", marker: bool = False, tags: Any = None) -> list[str]:
    configuration = parse_configuration({"Role": "role", "Rules": list(rules)})
    return [
        target.destination
        for target in targets(configuration, key, delete_marker=marker, tags=tags)
    ]


def v1(prefix: str = "") -> Raw:
    return rule(Filter=None, Priority=None, DeleteMarkerReplication=None, Prefix=prefix)


TAG = {"Key": "replicate", "Value": "yes"}


@pytest.mark.parametrize(
    ("found", "key", "taken"),
    [
        ({}, "anything", True),
        ({"Prefix": ""}, "anything", True),
        ({"Prefix": "a/"}, "a/b", True),
        ({"Prefix": "a/"}, "A/b", False),
        ({"Prefix": "a/"}, "b/a/", False),
        ({"And": {"Prefix": "a/"}}, "a/b", True),
        ({"And": {"Prefix": "a/"}}, "b", False),
    ],
)
def test_a_prefix_takes_the_keys_that_begin_with_it(found: Raw, key: str, taken: bool) -> None:
    assert sent_to(rule(Filter=found), key=key) == (["dst"] if taken else [])


@pytest.mark.parametrize("found", [{"Tag": TAG}, {"And": {"Prefix": "a/", "Tags": [TAG]}}])
def test_a_tag_filter_takes_objects_with_that_tag(found: Raw) -> None:
    assert sent_to(rule(Filter=found), tags={"replicate": "yes", "more": "x"}) == ["dst"]
    assert sent_to(rule(Filter=found), tags={"replicate": "no"}) == []
    assert sent_to(rule(Filter=found), tags={}) == []


def test_all_tags_of_an_and_filter_must_be_there() -> None:
    found = {"And": {"Tags": [TAG, {"Key": "class", "Value": "gold"}]}}
    assert sent_to(rule(Filter=found), tags={"replicate": "yes"}) == []
    assert sent_to(rule(Filter=found), tags={"replicate": "yes", "class": "gold"}) == ["dst"]


def test_tags_are_asked_for_only_when_a_rule_with_a_matching_prefix_needs_them() -> None:
    tagged = rule(Filter={"And": {"Prefix": "tagged/", "Tags": [TAG]}})
    assert sent_to(tagged, key="other/x") == []
    with pytest.raises(TagsNeeded):
        sent_to(tagged, key="tagged/x")


def test_tags_are_not_asked_for_when_a_stronger_rule_decides_for_that_destination() -> None:
    strong = rule(ID="all", Priority=9)
    tagged = rule(ID="tagged", Priority=1, Filter={"Tag": TAG})
    assert sent_to(strong, tagged) == ["dst"]


def test_tags_are_not_asked_for_by_a_disabled_rule() -> None:
    assert sent_to(rule(Status="Disabled", Filter={"Tag": TAG})) == []


def test_a_disabled_rule_takes_nothing() -> None:
    assert sent_to(rule(Status="Disabled")) == []


def test_an_object_goes_to_every_destination_a_rule_names() -> None:
    rules = [
        rule("dst-b", ID="b"),
        rule("dst-a", ID="a", Priority=2),
        rule("dst-c", Status="Disabled"),
    ]
    assert sent_to(*rules) == ["dst-a", "dst-b"]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rules_with_one_destination_the_highest_priority_number_counts(order: int) -> None:
    rules = [rule(ID="low", Priority=1), rule(ID="high", Priority=10)][::order]
    configuration = parse_configuration({"Rules": rules})
    found = targets(configuration, "k", delete_marker=False)
    assert found == (Target("dst", "high"),)


def test_the_rule_that_counts_decides_about_delete_markers() -> None:
    on = {"Status": "Enabled"}
    low = rule(ID="low", Priority=1, DeleteMarkerReplication=on)
    assert sent_to(low, marker=True) == ["dst"]
    assert sent_to(low, rule(ID="high", Priority=2), marker=True) == []


def test_v1_replicates_delete_markers_and_v2_only_when_told() -> None:
    assert sent_to(v1(), marker=True) == ["dst"]
    assert sent_to(rule(), marker=True) == []
    assert sent_to(rule(DeleteMarkerReplication=None), marker=True) == []


def test_a_tag_filter_never_takes_a_delete_marker() -> None:
    found = rule(Filter={"Tag": TAG}, DeleteMarkerReplication={"Status": "Enabled"})
    assert sent_to(found, marker=True, tags={"replicate": "yes"}) == []


def test_a_rule_without_filter_beside_one_with_a_filter_is_read_as_v2() -> None:
    mixed = [rule(Filter=None, Prefix="a/", DeleteMarkerReplication=None), rule("dst-b", Filter={})]
    assert sent_to(*mixed, marker=True) == []


def test_v1_prefixes_work_like_filters() -> None:
    assert sent_to(v1("a/")) == ["dst"]
    assert sent_to(v1("b/")) == []


def test_the_settings_of_a_rule_are_read() -> None:
    destination = {
        "Bucket": "arn:aws-cn:s3:::dst",
        "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
        "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
    }
    criteria = {
        "SseKmsEncryptedObjects": {"Status": "Enabled"},
        "ReplicaModifications": {"Status": "Enabled"},
    }
    raw = rule(Destination=destination, SourceSelectionCriteria=criteria, ID=None)
    (read,) = parse_configuration({"Rules": [raw]}).rules
    assert (read.destination, read.threshold_minutes, read.metrics) == ("dst", 15, True)
    assert (read.kms, read.replica_modifications, read.id) == (True, True, "rule-0")


def test_a_bucket_without_configuration_sends_nothing() -> None:
    assert sent_to() == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["Rules", "Filter", "Destination", "Bucket", "Status", "And", "Tags"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_a_misshapen_configuration_is_a_value_error(raw: Any) -> None:
    try:
        configuration = parse_configuration(raw)
    except ValueError:
        return
    targets(configuration, "key", delete_marker=False, tags={})
