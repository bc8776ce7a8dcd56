"""Has the rules of a bucket read in S3 where an answer waits for nothing else.

They are read once a minute, and versions written since are in doubt until then. Whoever waits for a
set should not wait for that minute: `reconcile` reads the rules when it is asked.
"""

import logging
from collections.abc import Callable

from replication.cache import Cached
from replication.errors import Unavailable
from replication.s3.known_rules import KnownRules

log = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""How seldom one process asks for the rules of one bucket."""


class RuleReads:
    """`ask` sends the request for a bucket; `known` are the rules as they were recorded; `seconds`
    is a monotonic clock."""

    def __init__(
        self, ask: Callable[[str], None], known: KnownRules, seconds: Callable[[], float]
    ) -> None:
        self._known = known
        self._asked: Cached[str, None] = Cached(ask, lambda _: AGAIN_SECONDS, seconds)

    def want(self, bucket: str) -> None:
        """Has the rules of the bucket read; the next answer takes what was recorded by then."""
        self._known.forget(bucket)
        try:
            self._asked(bucket)
        except Unavailable as error:
            log.warning("the rules of %s are read within a minute: %s", bucket, error)
