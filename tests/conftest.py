"""What all tests share: no network (loopback alone for tests marked e2e), and hypothesis' pace."""

from pathlib import Path

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

# A shared two-core machine pauses now and then; time limits belong to pytest-timeout.
settings.register_profile(
    "tracker", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tracker")


# Folders whose tests share something that is expensive to start (a deployed stack, an emulator, a
# synthesized template, a browser): one worker each, the slowest first.
_SHARED = (
    "e2e",
    "parity",
    "browser",
    "local",
    "infra",
    "replication/aws/table",
    "summarize",
    "query",
    "s3rt",
    "backfill",
)
_ROOT = Path(__file__).parent


def _group(item: pytest.Item) -> str:
    path = item.path.relative_to(_ROOT).as_posix()
    return next((folder for folder in _SHARED if path.startswith(f"{folder}/")), path)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups tests for parallel workers; within a group the random order stays."""
    places = {name: place for place, name in enumerate(_SHARED)}
    items.sort(key=lambda item: places.get(_group(item), len(_SHARED)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("e2e"):
        pytest_socket.enable_socket()
        pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)
