"""Tests that talk to a server of their own on this machine, and to nothing else.

Use: `from tests.support.loopback import pytest_runtest_setup` in the conftest.py of their folder;
it comes after the one in tests/conftest.py, which closes every socket.
"""

import pytest
import pytest_socket


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
