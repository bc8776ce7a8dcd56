"""The functions' side of the file with the buckets."""

from pathlib import Path

import pytest

from replication.settings import MissingSettings, from_env
from replication.topology import Place, Topology
from tests.support.topology import topology_file

HOME = Place("111111111111", "eu-central-1")
FAR = {"account": "222222222222", "region": "eu-west-1", "role_arn": "arn:role"}


def test_buckets_without_a_place_are_at_home() -> None:
    found = Topology.load(topology_file("orders", "near,far", {"far": FAR, "lists": {}}), HOME)
    assert found.sources == ("orders",)
    assert found.destinations == ("far", "near")
    assert found.place("orders") == found.place("near") == found.place("lists") == HOME
    assert found.place("far") == Place("222222222222", "eu-west-1", "arn:role")


def test_nothing_is_known_of_where_other_buckets_are() -> None:
    assert Topology.load(topology_file("orders"), HOME).place("other") == Place()


def test_settings_know_where_the_functions_run() -> None:
    settings = from_env(
        {
            "TABLE_NAME": "t",
            "TOPOLOGY_FILE": topology_file("orders", "replica"),
            "HOME_ACCOUNT": "111111111111",
            "AWS_REGION": "eu-central-1",
        }
    )
    assert settings.topology.place("orders") == HOME
    assert settings.source_buckets == ("orders",)
    assert settings.destination_buckets == ("replica",)
    assert settings.tracked == {"orders", "replica"}


@pytest.mark.parametrize("content", ["no JSON", "[]", "{}", '{"buckets": {"a": {}}}'])
def test_a_file_that_is_wrong_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "topology.json"
    file.write_text(content)
    with pytest.raises(MissingSettings, match=r"TOPOLOGY_FILE is .*topology\.json"):
        from_env({"TABLE_NAME": "t", "TOPOLOGY_FILE": str(file)})


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(MissingSettings, match=r"TOPOLOGY_FILE is 'none\.json'"):
        from_env({"TABLE_NAME": "t", "TOPOLOGY_FILE": "none.json"})
    with pytest.raises(MissingSettings, match="TOPOLOGY_FILE is not set"):
        from_env({"TABLE_NAME": "t"})
