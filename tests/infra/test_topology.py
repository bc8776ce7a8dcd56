"""The file that names the buckets and where they are."""

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from infra import topology
from infra.config import Config, ContextError
from infra.places import OWN, Place
from infra.topology import TrackedBucket

HOME = Place("111111111111", "eu-central-1")
ABROAD = Place("222222222222", "eu-west-1")
TOPIC = "arn:aws:sns:eu-central-1:333333333333:theirs"

WHOLE = f"""\
stage = "prod"
shards = 8
audited = 0.05
record_ineligible = false
benign_keys = ["*.tflock", "tmp/*"]

[home]
account = "111111111111"
region = "eu-central-1"

[buckets.orders]
role = "source"
replication_topic = "{TOPIC}"

[buckets.orders-replica]
role = "destination"
region = "eu-west-1"
account = "222222222222"

[buckets."with.periods"]
role = "both"

[buckets.lists]
inventory = true
"""


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / topology.FILE).write_text(text)
    return tmp_path


def read(project: Path, **context: Any) -> Config:
    return Config.from_context(App(context=context).node, project)


def problems(text: str) -> list[str]:
    return topology.read(text).problems


def test_a_file_says_all_that_a_deployment_needs(tmp_path: Path) -> None:
    assert read(written(tmp_path, WHOLE)) == Config(
        stage="prod",
        shards=8,
        audited=0.05,
        record_ineligible=False,
        benign_keys=("*.tflock", "tmp/*"),
        home=HOME,
        buckets=(
            TrackedBucket(name="lists", inventory=True, place=HOME),
            TrackedBucket(name="orders", source=True, place=HOME, replication_topic=TOPIC),
            TrackedBucket(name="orders-replica", destination=True, place=ABROAD),
            TrackedBucket(name="with.periods", source=True, destination=True, place=HOME),
        ),
    )


def test_places_other_than_home_need_a_collector(tmp_path: Path) -> None:
    config = read(written(tmp_path, WHOLE + '[collectors."222222222222/eu-west-1"]\n'))
    assert config.foreign_places == (ABROAD,)
    assert [one.name for one in config.at(ABROAD)] == ["orders-replica"]
    assert config.collectors == {ABROAD: {}}


def test_without_a_home_every_bucket_is_where_the_tracker_is(tmp_path: Path) -> None:
    config = read(written(tmp_path, '[buckets.orders]\nrole = "source"\n'))
    assert config.home == OWN
    assert config.at(OWN) == config.buckets
    assert config.foreign_places == ()


def test_the_lists_of_the_context_work_without_a_file(tmp_path: Path) -> None:
    assert read(tmp_path, source_buckets="orders").source_buckets == ("orders",)
    assert read(tmp_path, source_buckets="orders").at(OWN)


def test_another_file_can_be_named_and_none_as_well(tmp_path: Path) -> None:
    written(tmp_path, WHOLE)
    (tmp_path / "other.toml").write_text('stage = "test"\n')
    assert read(tmp_path, topology="other.toml").stage == "test"
    assert read(tmp_path, topology="", stage="lists").stage == "lists"
    with pytest.raises(ContextError, match=r"topology='gone.toml': there is no such file"):
        read(tmp_path, topology="gone.toml")


def test_what_stands_in_both_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ContextError) as caught:
        read(written(tmp_path, WHOLE), source_buckets="a-bucket", shards="8", objective_minutes="5")
    assert caught.value.problems == (
        "shards is given in the context as well as by tracker.toml; keep one of them",
        "source_buckets is given in the context as well as by tracker.toml; keep one of them",
    )


def test_every_problem_is_named_at_once_with_its_line_and_its_fix() -> None:
    text = """\
shards = 400
benign_key = ["*.x"]
source_buckets = ["orders"]

[home]
account = 111111111111

[buckets.orders]
role = "sorce"

[buckets.replica]
rol = "destination"

[buckets.my.bucket]
role = "source"

[buckets]
Upper = {role = "both"}
"""
    assert problems(text) == [
        "tracker.toml:1: shards: give a whole number from 1 to 64, not 400",
        "tracker.toml:2: benign_key: there is no such option; did you mean benign_keys?",
        "tracker.toml:3: source_buckets: is for the command line; here each bucket is a table"
        " [buckets.x]",
        "tracker.toml:5: home.region: is missing; give both account and region",
        "tracker.toml:6: home.account: give the 12 digits of an account, in quotes, not"
        " 111111111111",
        'tracker.toml:9: buckets.orders.role: give "source", "destination" or "both", not'
        " 'sorce'",
        'tracker.toml:11: buckets.replica.role: is missing; give "source", "destination" or "both"',
        "tracker.toml:12: buckets.replica.rol: there is no such option; did you mean role?",
        'tracker.toml:14: buckets.my: has tables; quote a name with periods: [buckets."my.…"]',
        "tracker.toml:18: buckets.Upper: is no bucket name; use lower-case letters, digits, hyphens"
        " and periods, with a letter or digit first and last",
    ]


def of_bucket(*lines: str, home: str = "eu-central-1") -> list[str]:
    """Problems of one bucket, without their place."""
    head = ["[home]", 'account = "111111111111"', f'region = "{home}"', "[buckets.orders]"]
    return [line.split(": ", 1)[1] for line in problems("\n".join([*head, *lines]))]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (['role = "both"', 'region = "Ireland"'], "region: give the name of a Region"),
        (['role = "both"', 'region = "cn-north-1"'], "region: is in partition aws-cn, home in aws"),
        (['role = "both"', 'account = "2"'], "account: give the 12 digits"),
        (
            ['role = "destination"', f'replication_topic = "{TOPIC}"'],
            "replication_topic: is for sources",
        ),
        (
            ['role = "source"', 'region = "eu-west-1"', f'replication_topic = "{TOPIC}"'],
            "replication_topic: is a topic of another Region",
        ),
        (['role = "source"', 'inventory = "yes"'], "inventory: give true or false"),
        (['role = ["source"]'], 'role: give "source"'),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(lines: list[str], problem: str) -> None:
    (found,) = of_bucket(*lines)
    assert found.startswith(f"buckets.orders.{problem}")


def test_a_bucket_elsewhere_needs_a_home_to_be_compared_with() -> None:
    (found,) = problems('[buckets.orders]\nrole = "source"\nregion = "eu-west-1"\n')
    assert found.startswith("tracker.toml:3: buckets.orders.region: needs [home]")


def test_a_collector_of_no_bucket_is_a_slip() -> None:
    (found,) = problems(WHOLE + '[collectors."222222222222/eu-west-2"]\n')
    assert found.endswith('no bucket is there; collectors of this file: "222222222222/eu-west-1"')
    (found,) = problems(WHOLE + '[collectors."222222222222/eu-west-1"]\nredriv = true\n')
    assert "redriv: there is no such option" in found


@pytest.mark.parametrize("text", ['stage = "prod', "[home]\n[home]", "buckets = 5", "home = 5"])
def test_what_is_no_toml_or_no_table_is_refused(text: str) -> None:
    (found,) = problems(text)
    assert found.startswith("tracker.toml")
