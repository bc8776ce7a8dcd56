"""`tracker.toml` as `s3rt discover` writes it: TOML whatever the names are, and what a deployment
takes."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from infra import topology
from infra.places import Place
from replication.s3.rules import Rule
from s3rt.discovery.tracker_file import Declared, Home, key, quoted, read, roles, written
from s3rt.discovery.world import Bucket, World

HOME = Home("111111111111", "eu-central-1")


def rule(destination: str, rule_id: str = "all", *, metrics: bool = True) -> Rule:
    return Rule(
        id=rule_id,
        priority=1,
        enabled=True,
        prefix="",
        tags=(),
        destination=destination,
        delete_markers=False,
        metrics=metrics,
    )


def bucket(name: str, *destinations: str, **more: object) -> Bucket:
    rules = tuple(rule(one) for one in destinations)
    known = {"account": HOME.account, "region": HOME.region, "rules": rules, "listed": True}
    return Bucket(name, **(known | more))  # type: ignore[arg-type]


def world(*buckets: Bucket, problems: tuple[str, ...] = ()) -> World:
    return World({one.name: one for one in buckets}, frozenset({HOME.account}), list(problems))


def test_roles_are_what_rules_make_of_a_bucket() -> None:
    there = world(
        bucket("orders", "replica"), bucket("replica", "orders", "far"), bucket("far"), bucket("x")
    )
    assert roles(there) == {"far": "destination", "orders": "both", "replica": "both"}


def test_the_file_is_taken_by_a_deployment() -> None:
    there = world(
        bucket("orders", "orders-replica", "orders.dr"),
        bucket("orders-replica", region="eu-west-1"),
        bucket("orders.dr", account="222222222222", region="eu-west-1", rules=None, listed=False),
        bucket("alone"),
    )
    found = topology.read(written(there, HOME, "prod"))
    assert found.problems == []
    assert found.values["stage"] == "prod"
    assert found.values["home"] == Place(HOME.account, HOME.region)
    assert [
        (one.name, one.source, one.destination, str(one.place)) for one in found.values["buckets"]
    ] == [
        ("orders", True, False, "111111111111/eu-central-1"),
        ("orders-replica", False, True, "111111111111/eu-west-1"),
        ("orders.dr", False, True, "222222222222/eu-west-1"),
    ]


def test_what_is_read_back_is_what_was_written() -> None:
    there = world(
        bucket("orders", "replica.one"), bucket("replica.one", account="222222222222", region="x")
    )
    home, declared = read(written(there, HOME, "dev"), Home("0", "nowhere"))
    assert home == HOME
    assert declared == {
        "orders": Declared("orders", "source", HOME.account, HOME.region),
        "replica.one": Declared("replica.one", "destination", "222222222222", "x"),
    }


def test_what_cannot_be_tracked_yet_stands_there_as_a_comment() -> None:
    there = world(
        bucket("orders", "unknown-owner", "gone", "OLD_name"),
        Bucket("unknown-owner", region="eu-west-1"),
        Bucket("gone", exists=False),
        bucket("OLD_name"),
        problems=("profile b: cannot be listed",),
    )
    text = written(there, HOME, "dev")
    assert {*tomllib.loads(text)["buckets"]} == {"orders"}
    assert '# [buckets.unknown-owner]\n# role = "destination"\n# account = "?"' in text
    assert "its account could not be found out" in text
    assert "it does not exist" in text
    assert "takes no bucket with such a name" in text
    assert "# - profile b: cannot be listed" in text


def test_rules_without_metrics_are_pointed_out() -> None:
    there = world(
        bucket("orders", rules=(rule("replica", "r1", metrics=False),), disabled=("r2",)),
        bucket("replica"),
    )
    text = written(there, HOME, "dev")
    assert "# rule r1 to replica; it has no metrics" in text
    assert "# rule r2 is disabled" in text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_quoted(text: str) -> None:
    assert tomllib.loads(f"a = {quoted(text)}") == {"a": text}
    assert tomllib.loads(f"[buckets.{key(text)}]\n") == {"buckets": {text: {}}}


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), rule_id=st.text())
def test_no_name_gets_out_of_its_line(name: str, rule_id: str) -> None:
    there = world(
        bucket("orders", rules=(rule(name, rule_id),)),
        bucket(name, rules=(), account=None),
    )
    assert {*tomllib.loads(written(there, HOME, "dev"))["buckets"]} <= {"orders", name}
