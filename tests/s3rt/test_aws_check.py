"""How what a check made is removed; the checks themselves are in tests/e2e."""

import pytest
from botocore.exceptions import ClientError

from s3rt.aws_check import made
from s3rt.aws_check.made import ATTEMPTS, Made
from s3rt.aws_check.observations import OBSERVATIONS


class Things:
    """Notes what is removed, and refuses with these codes first."""

    def __init__(self) -> None:
        self.made = Made()
        self.calls: list[str] = []

    def add(self, name: str, *codes: str) -> None:
        refusals = iter(codes)

        def remove() -> None:
            self.calls.append(name)
            if code := next(refusals, None):
                if code == "interrupted":
                    raise KeyboardInterrupt
                raise ClientError({"Error": {"Code": code, "Message": "because"}}, "Delete")

        self.made.will_be(name, remove, f"rm {name}")

    def left(self) -> dict[str, str]:
        return {one.thing.by_hand: one.why for one in self.made.remove_all(lambda _: None)}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "PAUSE_SECONDS", 0)


def test_the_last_thing_goes_first_and_nothing_twice() -> None:
    things = Things()
    things.add("bucket")
    things.add("role")
    assert things.left() == {}
    assert things.calls == ["role", "bucket"]
    assert things.left() == {}
    assert things.calls == ["role", "bucket"]


def test_what_was_never_made_is_gone() -> None:
    things = Things()
    for code in ("NoSuchBucket", "NoSuchEntity", "ResourceNotFoundException"):
        things.add(code, code)
    assert things.left() == {}


def test_what_is_refused_for_a_while_is_tried_again() -> None:
    things = Things()
    things.add("bucket", "BucketNotEmpty", "BucketNotEmpty")
    assert things.left() == {}
    assert len(things.calls) == 3


def test_what_stays_refused_is_left_and_the_others_are_removed() -> None:
    things = Things()
    things.add("bucket")
    things.add("role", *["AccessDenied"] * ATTEMPTS)
    (why,) = [things.left()["rm role"]]
    assert "denies Delete" in why
    assert things.calls[-1] == "bucket"


def test_an_interruption_leaves_the_rest() -> None:
    things = Things()
    things.add("bucket")
    things.add("role", "interrupted")
    things.add("queue")
    assert list(things.left()) == ["rm role", "rm bucket"]


def test_the_twelve_observations_are_those_of_the_document() -> None:
    assert sorted(one.number for one in OBSERVATIONS) == list(range(1, 13))
