"""`s3rt discover --check`: each way in which a file and the buckets can differ."""

import pytest

from s3rt.discovery.comparison import differences
from s3rt.discovery.tracker_file import Declared, Home, NotReadable, read
from s3rt.discovery.world import Bucket, World
from tests.s3rt.discovery.test_tracker_file import HOME, bucket, world


def declared(**buckets: str) -> dict[str, Declared]:
    """Buckets of home by their roles."""
    return {name: Declared(name, role, HOME.account, HOME.region) for name, role in buckets.items()}


def kinds(there: World, file: dict[str, Declared], *, whole: bool = True) -> dict[str, str]:
    return {one.bucket: one.kind for one in differences(there, file, whole=whole)}


SOME = world(bucket("orders", "replica"), bucket("replica"))
FILE = declared(orders="source", replica="destination")


def test_nothing_differs() -> None:
    assert differences(SOME, FILE) == []


def test_a_new_rule_to_a_bucket_the_file_does_not_have() -> None:
    there = world(bucket("orders", "replica", "dr"), bucket("replica"), bucket("dr"))
    (found,) = differences(there, FILE)
    assert (found.bucket, found.kind) == ("dr", "not-declared")
    assert "rules of orders" in found.finding
    assert found.fix == 'add [buckets.dr] with role = "destination"'


def test_a_new_source() -> None:
    there = world(*SOME.buckets.values(), bucket("invoices", "replica"))
    assert kinds(there, FILE) == {"invoices": "not-declared"}


def test_a_bucket_that_is_gone() -> None:
    there = world(bucket("orders", "replica"), Bucket("replica", exists=False))
    assert kinds(there, FILE) == {"replica": "vanished"}


def test_another_region_or_account() -> None:
    there = world(
        bucket("orders", "replica", region="eu-west-1"), bucket("replica", account="222222222222")
    )
    assert kinds(there, FILE) == {"orders": "region", "replica": "account"}


def test_an_account_whose_list_does_not_have_it() -> None:
    there = world(bucket("orders", "replica"), bucket("replica", listed=False))
    assert kinds(there, FILE) == {"replica": "account"}


def test_roles_that_changed() -> None:
    there = world(bucket("orders", "replica"), bucket("replica", "orders"))
    assert kinds(there, FILE) == {"orders": "role", "replica": "role"}
    assert kinds(world(bucket("orders"), bucket("replica")), FILE) == {
        "orders": "role",
        "replica": "role",
    }


def test_what_may_be_among_what_was_not_read_is_no_difference() -> None:
    there = world(bucket("orders", rules=None, problem="denied"), bucket("replica"))
    assert kinds(there, FILE) == {}
    assert kinds(world(bucket("replica")), FILE, whole=False) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stage = ", "no TOML"),
        ("buckets = 1", "buckets is no table"),
        ("[buckets.a]\nrole = 'x'", "buckets.a.role"),
        ("[home]\naccount = 111111111111", "home.account is no text"),
        ("[buckets]\na = 3", "buckets.a is no table"),
    ],
)
def test_a_file_that_cannot_be_compared_says_where(text: str, said: str) -> None:
    with pytest.raises(NotReadable, match=said):
        read(text, HOME)


def test_a_bucket_that_only_holds_inventories_is_not_compared() -> None:
    assert read("[buckets.lists]\ninventory = true", HOME)[1] == {}


def test_a_file_without_home_is_where_the_caller_is() -> None:
    home, found = read("[buckets.orders]\nrole = 'source'", Home("1", "r"))
    assert home == Home("1", "r")
    assert found["orders"] == Declared("orders", "source", "1", "r")
