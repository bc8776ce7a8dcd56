"""Python imports this at the start of each Lambda worker, because the folder is on its path.

S3 Control puts the account's number in front of the endpoint's host. AWS has such names; below an
address there are none, so here `000000000000.127.0.0.1` is the address itself.
"""

import re
import socket
from typing import Any

_BELOW = re.compile(r"\d{12}\.(\d{1,3}(?:\.\d{1,3}){3})", re.ASCII)
_inner = socket.getaddrinfo


def address_of(host: Any) -> Any:
    """The address that a name is below of; any other host as it is."""
    found = _BELOW.fullmatch(host) if isinstance(host, str) else None
    return found[1] if found else host


def _getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
    return _inner(address_of(host), *arguments, **named)


socket.getaddrinfo = _getaddrinfo
