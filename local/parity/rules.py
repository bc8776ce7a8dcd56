"""The buckets of the run, and the rules of its main source, which change while it runs."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.demo_buckets import ROLE, rule
from local.deploy import ACCOUNT
from local.emulator.server import REGION

if TYPE_CHECKING:
    import random

    from local.demo_buckets import Rules

SOURCE = "parity-source"
EAST, WEST = "parity-east", "parity-west"
"""Two buckets that replicate to each other."""
ONE, TWO, THREE = "parity-replica-1", "parity-replica-2", "parity-replica-3"
SOURCES = (SOURCE, EAST, WEST)
REPLICAS = (ONE, TWO, THREE)
BUCKETS = (*SOURCES, *REPLICAS)
TAG = {"replicate": "yes"}
TAGGED = "t/"
"""The prefix whose rule asks for that tag."""

_CATALOGUE = {
    "a-1": rule("a-1", ONE, priority=1, prefix="a/"),
    "a-2": rule("a-2", TWO, priority=2, prefix="a/", delete_markers=True),
    "b": rule("b", ONE, priority=3, prefix="b/", time_control=True, delete_markers=True),
    "t": rule("t", TWO, priority=4, prefix=TAGGED, tags=TAG),
    "c": rule("c", THREE, priority=5, prefix="c/", delete_markers=True),
    "all": rule("all", THREE, priority=6),
}
_AT_FIRST = ("a-1", "a-2", "b", "t")


def at_first() -> Rules:
    return {
        SOURCE: [_CATALOGUE[name] for name in _AT_FIRST],
        EAST: [
            rule("to-west", WEST, priority=1, delete_markers=True),
            rule("y", TWO, priority=2, prefix="y/"),
        ],
        WEST: [
            rule("to-east", EAST, priority=1, delete_markers=True),
            # Keeps the third replica bucket tracked from the start.
            rule("x", THREE, priority=2, prefix="x/"),
        ],
    }


def redrawn(rng: random.Random) -> list[dict[str, Any]]:
    """Another set of rules for the main source: some there, some gone, some disabled."""
    drawn = []
    for name, one in _CATALOGUE.items():
        chance = rng.random()
        if chance < (0.75 if name in _AT_FIRST else 0.4):
            drawn.append(one | {"Status": "Disabled" if chance < 0.1 else "Enabled"})
    return drawn


def configuration(rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Role": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", "Rules": rules}


def told(call: str) -> str:
    """The management event of CloudTrail that EventBridge would put into the ingest queue."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    detail = {
        "eventVersion": "1.11",
        "eventTime": now,
        "eventSource": "s3.amazonaws.com",
        "eventName": call,
        "awsRegion": REGION,
        "requestParameters": {"bucketName": SOURCE},
        "eventID": str(uuid.uuid4()),
    }
    envelope = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.s3",
        "time": now,
        "region": REGION,
        "resources": [],
        "detail": detail,
    }
    return json.dumps(envelope)
