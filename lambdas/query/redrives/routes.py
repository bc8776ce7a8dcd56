"""The routes that show redrives. POST and DELETE are methods of the function `redrive`."""

from query import parameters
from query.redrives import page, schemas
from query.route import get, new_router
from query.wiring import service

router = new_router()


@get(router, "/v1/redrives", tag="redrives", summary="Plans and redrives, the newest first")
def list_redrives(
    limit: parameters.Limit = 100, cursor: parameters.Cursor = None
) -> schemas.Redrives:
    """What was planned and started, kept for 400 days. A stack that was deployed without
    `redrive=true` has none."""
    return schemas.Redrives.model_validate(page.redrive_list(service(), limit, cursor))


@get(router, "/v1/redrives/<redrive_id>", tag="redrives", summary="One plan or redrive")
def get_redrive(redrive_id: parameters.RedriveId) -> schemas.Redrive:
    """How far it is, what it may write and cost, and what it could not do."""
    return schemas.Redrive.model_validate(page.redrive(service(), redrive_id))
