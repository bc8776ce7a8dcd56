"""Waits for an object version to be COMPLETED or FAILED."""

from collections.abc import Callable

from query.objects.lookup import NotTracked
from replication.published.row import Json
from replication.s3.status import REPLICA, Status

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 1.0
GROWTH = 1.5

_FINAL = (Status.COMPLETED, Status.FAILED, REPLICA)


def wait(
    find: Callable[[], Json],
    destination: str | None,
    timeout: float,
    *,
    seconds: Callable[[], float],
    sleep: Callable[[float], None],
) -> Json:
    """Calls `find` until the object (or its replica at `destination`) is COMPLETED or FAILED, for
    `timeout` seconds at most. Returns the last answer with `timed_out`; at once when it is certain
    that no rule sends the object there. NotTracked when the object is still not tracked at the end.

    `seconds` is a monotonic clock.
    """
    end = seconds() + timeout
    pause = FIRST_PAUSE
    while True:
        left = end - seconds()
        try:
            found = find()
        except NotTracked:
            if left <= 0:
                raise
        else:
            if _settled(found, destination):
                return found | {"timed_out": False}
            if left <= 0:
                return found | {"timed_out": True}
        sleep(min(pause, left))
        pause = min(LONGEST_PAUSE, pause * GROWTH)


def _settled(found: Json, destination: str | None) -> bool:
    if destination is None or found["role"] == "replica":
        return found["replication_status"] in _FINAL or found["eligible"] is False
    place = next((one for one in found["destinations"] if one["bucket"] == destination), None)
    if place is None:
        return not found["in_doubt"]
    # S3 was read and showed no status: no rule sends it there. Of what is gone it cannot be asked.
    undecided = place["in_doubt"] and found["deleted_at"] is None
    ruled_out = place["status"] is None and place["evidence"] is not None and not undecided
    return place["status"] in _FINAL or ruled_out
