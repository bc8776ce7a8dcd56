"""API Gateway (REST, Lambda proxy) → routes."""

from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from query import openapi, problems
from query.arrival import routes as arrival
from query.buckets import routes as buckets
from query.doctor import routes as doctor
from query.incidents import routes as incidents
from query.objects import routes as objects
from query.redrives import routes as redrives
from query.rows import routes as rows
from query.summary import routes as summary
from query.timeline import routes as timeline

logger = Logger()
app = APIGatewayRestResolver(
    enable_validation=True,
    # Without it, an answer that does not match its schema would look like a mistake of the caller.
    response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
)
for resource in (buckets, objects, rows, arrival, doctor, summary, timeline, incidents, redrives):
    app.include_router(resource.router)
problems.install(app, logger, methods=partial(openapi.methods, app))
openapi.install(app)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers one request. Every error becomes a problem (`problems.py`)."""
    return app.resolve(event, context)
