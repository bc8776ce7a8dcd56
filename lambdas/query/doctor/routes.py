"""The routes about the tracker itself: what keeps it from knowing, and whether it works."""

from query import VERSION
from query.doctor import page, schemas
from query.problems import LEDGER_UNAVAILABLE, Problem
from query.route import get, new_router
from query.wiring import service
from replication.errors import Unavailable

router = new_router()


@get(router, "/v1/doctor", tag="service", summary="What keeps the tracker from knowing")
def list_findings() -> schemas.Findings:
    """Checks of every tracked bucket: its configuration was read, its rules have replication
    metrics (without them S3 tells of no failure), their destinations are tracked, each bucket is
    in the Region it was deployed with, S3 does not deny the tracker's reads, and events of what
    arrives reach the tracker. Each finding says what to do."""
    return schemas.Findings.model_validate(page.findings(service()))


@get(router, "/v1/health", tag="service", summary="Whether the API works")
def get_health() -> schemas.Health:
    """Reads one key of the ledger; a problem when that fails."""
    try:
        service().items.ping()
    except Unavailable as error:
        raise Problem(LEDGER_UNAVAILABLE, "The ledger could not be read.") from error
    return schemas.Health(status="ok", version=VERSION)
