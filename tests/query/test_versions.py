"""The versions of a key, and which of them is meant without an id."""

from collections.abc import Callable

import pytest

from replication.ledger.fact import Kind
from tests.query.conftest import assert_problem, get
from tests.query.forged import forged
from tests.support.seeds import arrived, requested, stored, version

Seed = Callable[..., None]

SRC = "/v1/buckets/src/object"
DST = "/v1/buckets/dst-a/object"


def test_without_a_version_id_the_latest_version_is_meant(seed: Seed) -> None:
    seed(
        stored(requested(1, sequencer="00A1"), of=version(version_id="z-older")),
        stored(requested(1.5, sequencer="00A2"), of=version(version_id="a-newer")),
    )
    assert get(SRC, key="a/key").json["version_id"] == "a-newer"
    assert get(SRC, key="a/key", version_id="z-older").json["version_id"] == "z-older"


def test_without_a_version_id_the_newest_that_exists_is_meant(seed: Seed) -> None:
    seed(
        stored(requested(1), arrived(2), of=version(version_id="lives")),
        stored(requested(5), arrived(6), (Kind.DELETED, 9), of=version(version_id="gone")),
        stored(
            (Kind.INELIGIBLE, 10), (Kind.DELETED, 20), of=version(version_id="m"), destination=""
        ),
    )
    assert get(SRC, key="a/key").json["version_id"] == "lives"
    assert get(f"{SRC}/wait", key="a/key").json["version_id"] == "lives"

    def listed(**parameters: str) -> list[str]:
        found = get(f"{SRC}/versions", key="a/key", **parameters).json["items"]
        return [one["version_id"] for one in found]

    assert listed() == listed(deleted="false") == ["lives"]
    assert listed(deleted="true") == ["m", "gone", "lives"]
    with_them = get(f"{SRC}/versions", key="a/key", deleted="true", limit=1).json["next_cursor"]
    without = get(f"{SRC}/versions", key="a/key", cursor=with_them)
    assert_problem(without, 400, "invalid-cursor", "cursor")


def test_versions_of_a_key_of_which_none_exists_say_how_to_see_them(seed: Seed) -> None:
    seed(stored(requested(), (Kind.DELETED, 9)))
    problem = assert_problem(get(f"{SRC}/versions", key="a/key"), 404, "object-not-tracked", "key")
    assert "deleted=true" in problem["detail"]


def test_versions_come_newest_first_page_by_page(seed: Seed) -> None:
    numbers = list(range(7))
    seed(
        *(
            record
            for number in numbers
            for record in (
                stored(requested(number), of=version(version_id=f"v{number}")),
                stored(requested(number), destination="dst-b", of=version(version_id=f"v{number}")),
            )
        )
    )
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(f"{SRC}/versions", key="a/key", limit=3, **cursor).json
        assert len(page["items"]) <= 3
        found += [one["version_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == [f"v{number}" for number in reversed(numbers)]
    assert page["complete"] is True


@pytest.mark.parametrize("packed", [b"[1,2,3,4,5]", b'["","","","",null]', b"5", b'["\\ud800"]'])
def test_a_forged_cursor_of_versions_is_refused(seed: Seed, packed: bytes) -> None:
    seed(stored(requested()))
    made = forged(packed, {"list": "versions", "bucket": "src", "key": "a/key", "deleted": False})
    assert_problem(
        get(f"{SRC}/versions", key="a/key", cursor=made), 400, "invalid-cursor", "cursor"
    )


def test_a_version_in_a_list_is_the_object_without_its_transitions(seed: Seed) -> None:
    seed(stored(requested(), arrived(3)), stored(requested(), destination="dst-b"))
    (item,) = get(f"{SRC}/versions", key="a/key").json["items"]
    found = get(SRC, key="a/key").json
    assert found.pop("transitions")
    assert found.pop("forgotten_before") is None
    assert item == found


def test_a_destination_s_versions_are_those_that_arrived(seed: Seed) -> None:
    seed(
        stored(requested(1), arrived(2), of=version(version_id="there")),
        stored(requested(5), of=version(version_id="on-its-way")),
    )
    page = get(f"{DST}/versions", key="a/key").json
    assert [one["version_id"] for one in page["items"]] == ["there"]
