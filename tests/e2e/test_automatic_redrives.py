"""Redrives that start by themselves, on the schedule that the stack has: a look a minute."""

import time
from typing import Any

import pytest

from tests.e2e.conftest import HEALED, NEVER_HEALED, Deployed, eventually
from tests.e2e.test_redrive import break_off, incidents, mend

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

WHAT_S3_DOES_ONCE_A_MINUTE = 200.0
"""Seconds in which a plan is made, started, and its end seen."""


def redrives(deployed: Deployed, bucket: str) -> list[Any]:
    """Of the bucket, the newest first."""
    found = deployed.api.get("/v1/redrives")["items"]
    return [one for one in found if one["selection"]["bucket"] == bucket]


def ended(deployed: Deployed, bucket: str) -> Any:
    def look() -> Any:
        found = redrives(deployed, bucket)
        return found[0] if found and found[0]["ended_at"] else None

    return eventually(look, WHAT_S3_DOES_ONCE_A_MINUTE)


def test_what_failed_is_redriven_once_something_arrives_again(deployed: Deployed) -> None:
    source, _ = HEALED
    break_off(deployed, HEALED)
    written = {key: deployed.put(key, source) for key in ("kept/1", "kept/2", "kept/3")}
    for key, version in written.items():
        assert deployed.settled(key, version, source)["replication_status"] == "FAILED"
    (incident,) = eventually(lambda: incidents(deployed, source))
    assert redrives(deployed, source) == [], "the cause stands open"

    mend(deployed, HEALED)
    done = ended(deployed, source)
    assert (done["state"], done["created_by"], done["started_by"]) == (
        "completed",
        "automatic",
        "automatic",
    )
    assert incident["id"] in done["why"]
    assert done["selection"]["code"] == "DstPutObjectNotPermitted"
    (job,) = done["jobs"]
    assert (job["succeeded"], job["failed"]) == (len(written), 0)
    for key, version in written.items():
        assert deployed.settled(key, version, source)["replication_status"] == "COMPLETED"
    eventually(lambda: not incidents(deployed, source))
    assert len(redrives(deployed, source)) == 1


def test_a_route_that_never_heals_stops_and_the_doctor_says_so(deployed: Deployed) -> None:
    source, replica = NEVER_HEALED
    # S3 is denied these keys for ever, though others arrive.
    written = {
        key: deployed.put(key, source)
        for key in (f"fail-DstPutObjectNotPermitted@{replica}/{number}" for number in range(2))
    }
    for key, version in written.items():
        assert deployed.settled(key, version, source)["replication_status"] == "FAILED"
    (incident,) = eventually(lambda: incidents(deployed, source))
    arrives(deployed, source)
    done = ended(deployed, source)
    assert done["created_by"] == "automatic"
    (job,) = done["jobs"]
    assert (job["succeeded"], job["failed"]) == (0, len(written))
    assert job["failures"][0]["failure"]["fix"]

    # Another arrival, and time for two more looks: nothing is tried again for this incident.
    arrives(deployed, source)
    time.sleep(130)
    assert [one["id"] for one in redrives(deployed, source)] == [done["id"]]
    assert [one["id"] for one in incidents(deployed, source)] == [incident["id"]]
    (finding,) = (
        one
        for one in deployed.api.get("/v1/doctor")["items"]
        if (one["bucket"], one["check"]) == (source, "redrive")
    )
    assert incident["id"] in finding["finding"]
    assert finding["fix"]


def arrives(deployed: Deployed, source: str) -> None:
    version = deployed.put(key := f"well/{time.monotonic_ns()}", source)
    assert deployed.settled(key, version, source)["replication_status"] == "COMPLETED"
