"""What all tests share: no network (loopback alone for tests marked e2e), and hypothesis' pace."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

# A shared two-core machine pauses now and then; time limits belong to pytest-timeout.
settings.register_profile(
    "tracker", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tracker")


# Folders and files whose tests share something that is expensive to start (a deployed stack, an
# emulator, a synthesized template, a browser): one worker each, the slowest first.
_SHARED = (
    "e2e",
    "parity",
    "e2e/test_regions.py",
    "e2e/test_silence.py",
    "e2e/test_package.py",
    "e2e/test_by_notifications.py",
    "e2e/test_discover.py",
    "local",
    "browser",
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
    known = (one for one in _SHARED if path == one or path.startswith(f"{one}/"))
    return max(known, key=len, default=path)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Groups tests for parallel workers, before xdist looks for groups; within a group the random
    order stays."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    yield
    places = {name: place for place, name in enumerate(_SHARED)}
    items.sort(key=lambda item: places.get(_group(item), len(_SHARED)))


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("e2e"):
        pytest_socket.enable_socket()
        pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)
