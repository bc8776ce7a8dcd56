"""The stack, synthesized once for each context and session, without its functions' packages."""

import os

# jsii reads it when the first CDK module is imported.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")

import pytest

from infra.config import MAX_BUCKETS
from tests.infra.synthesized import Synthesized, synthesize

SOURCES = ("orders", "shared-a")
DESTINATIONS = ("orders-replica", "shared-a", "shared-b")
OPERATOR = "arn:aws:iam::123456789012:role/operator"
BUCKETS = {
    "source_buckets": ",".join(SOURCES),
    "destination_buckets": ",".join(DESTINATIONS),
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "bundling: downloads the functions' packages; runs with `-m bundling` only"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "bundling" in str(config.getoption("markexpr")):
        return
    for item in items:
        if item.get_closest_marker("bundling"):
            item.add_marker(pytest.mark.skip(reason="needs the package index: -m bundling"))


@pytest.fixture(scope="session")
def dev() -> Synthesized:
    """A stage like any other, with buckets of each role and one that has both."""
    return synthesize(BUCKETS)


@pytest.fixture(scope="session")
def prod() -> Synthesized:
    return synthesize({**BUCKETS, "stage": "prod"})


@pytest.fixture(scope="session")
def lists() -> Synthesized:
    """With a bucket of inventories as well."""
    return synthesize({**BUCKETS, "inventory_buckets": "lists"})


@pytest.fixture(scope="session")
def events() -> Synthesized:
    """With events of some changes."""
    wanted = {"event_statuses": "failed,COMPLETED", "event_buckets": SOURCES[0]}
    return synthesize({**BUCKETS, **wanted})


@pytest.fixture(scope="session")
def redriven() -> Synthesized:
    """With redrives."""
    return synthesize({**BUCKETS, "redrive": "true", "operators": OPERATOR})


@pytest.fixture(scope="session")
def empty() -> Synthesized:
    """No context at all."""
    return synthesize({})


@pytest.fixture(scope="session")
def full() -> Synthesized:
    """As many buckets with as long names as a deployment may have."""
    names, half = longest_names(MAX_BUCKETS), MAX_BUCKETS // 2
    return synthesize(
        {"source_buckets": ",".join(names[:half]), "destination_buckets": ",".join(names[half:])}
    )


def longest_names(number: int) -> list[str]:
    return [f"{one:03d}-{'x' * 59}" for one in range(number)]


@pytest.fixture(scope="session", params=["dev", "prod", "empty"])
def stack(request: pytest.FixtureRequest) -> Synthesized:
    """Each of these, for what must be true of all."""
    built: Synthesized = request.getfixturevalue(request.param)
    return built
