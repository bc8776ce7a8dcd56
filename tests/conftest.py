"""What all tests share: no network (loopback alone for tests marked e2e), and hypothesis' pace."""

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

# A shared two-core machine pauses now and then; time limits belong to pytest-timeout.
settings.register_profile(
    "tracker", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tracker")


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("e2e"):
        pytest_socket.enable_socket()
        pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)
