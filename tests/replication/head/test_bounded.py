"""How often S3 is asked for one batch, whatever somebody writes into a bucket."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from replication.errors import Denied, Unavailable
from replication.head.bounded import BoundedObjects
from replication.head.port import Head
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.support.fakes import MemoryObjects

V = ObjectVersion("src", "k", "v1")
HEAD = Head("PENDING", False, Instant("2026-11-22T10:00:00.000Z"))


def test_answers_as_they_are_as_long_as_there_is_room() -> None:
    objects = BoundedObjects(MemoryObjects({V: HEAD}, {V: {"k": "v"}}), 3)
    assert (objects.head(V), objects.tags(V)) == (HEAD, {"k": "v"})
    assert objects.head(ObjectVersion("src", "other", "v1")) is None


def test_heads_and_tags_share_the_room_and_more_may_be_asked_later() -> None:
    world = MemoryObjects({V: HEAD}, {V: {}})
    objects = BoundedObjects(world, 2)
    objects.head(V)
    objects.tags(V)
    for call in (objects.head, objects.tags):
        with pytest.raises(Unavailable) as caught:
            call(V)
        assert not isinstance(caught.value, Denied)
    assert len(world.asked) == 2


def test_what_s3_refuses_was_asked_too() -> None:
    objects = BoundedObjects(MemoryObjects(denied={"src"}), 1)
    with pytest.raises(Denied):
        objects.head(V)
    with pytest.raises(Unavailable, match="as often"):
        objects.head(V)


def test_threads_share_the_room() -> None:
    world = MemoryObjects({V: HEAD})
    objects = BoundedObjects(world, 100)

    def ask(_: int) -> bool:
        try:
            return objects.head(V) is not None
        except Unavailable:
            return False

    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(ask, range(400)))
    assert sum(answers) == len(world.asked) == 100
