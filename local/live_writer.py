"""`make demo-live`: a gentle stream of objects, some of which fail and some of which are late."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from local import demo_buckets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

SECONDS_BETWEEN = 0.7
FAILING_EVERY = 9
LATE_EVERY = 7


def keys() -> Iterator[str]:
    """Ever new keys: documents to two buckets, logs to one; every ninth document is denied at the
    second bucket, every seventh log is late."""
    for number in itertools.count(1):
        denied = f"fail-DstPutObjectNotPermitted@{demo_buckets.REPLICA_2}/" * (
            number % FAILING_EVERY == 0
        )
        yield f"TaxDocs/live/{denied}{number:06}.pdf"
        late = "slow-4/" * (number % LATE_EVERY == 0)
        yield f"logs/live/{late}{number:06}.log"


def write_until_stopped(console: Console, s3: Any) -> None:
    """Writes until Ctrl-C."""
    written = 0
    with console.status("") as status:
        try:
            for key in keys():
                s3.put_object(Bucket=demo_buckets.SOURCE, Key=key, Body=key.encode())
                written += 1
                status.update(f"{written} objects written, the latest {key} (Ctrl-C ends it)")
                time.sleep(SECONDS_BETWEEN)
        except KeyboardInterrupt:
            console.print(f"{written} objects written; the stack stays up, `make down` ends it")
