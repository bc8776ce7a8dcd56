"""A limit to the S3 reads of one batch."""

from collections.abc import Mapping
from threading import Lock

from replication.errors import Unavailable
from replication.head.port import Head, Objects
from replication.s3.version import ObjectVersion


class BoundedObjects:
    """`Objects` that makes `most` reads, and raises Unavailable after them. Thread-safe."""

    def __init__(self, objects: Objects, most: int) -> None:
        self._objects = objects
        self._left = most
        self._lock = Lock()

    def head(self, version: ObjectVersion) -> Head | None:
        self._count()
        return self._objects.head(version)

    def tags(self, version: ObjectVersion) -> Mapping[str, str] | None:
        self._count()
        return self._objects.tags(version)

    def _count(self) -> None:
        with self._lock:
            if self._left <= 0:
                raise Unavailable("S3 was asked as often as one batch may ask")
            self._left -= 1
