"""Registers routes, with everything that is the same for all of them."""

import inspect
from collections.abc import Callable
from typing import TypeVar

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from query import schema
from query.parameters import only

_Route = TypeVar("_Route", bound=Callable[..., schema.Schema])


def new_router() -> APIGatewayRouter:
    """The routes of one resource; the handler puts them together."""
    return APIGatewayRouter()  # type: ignore[no-untyped-call]


def get(
    router: APIGatewayRouter, path: str, *, tag: str, summary: str
) -> Callable[[_Route], _Route]:
    """Registers a route. Its docstring is its description in the OpenAPI document."""

    def register(route: _Route) -> _Route:
        names = frozenset(inspect.signature(route).parameters) - {
            "bucket",
            "incident_id",
            "redrive_id",
        }
        register_route = router.get(
            path,
            summary=summary,
            description=inspect.getdoc(route),
            operation_id=route.__name__,
            tags=[tag],
            middlewares=[only(names)],
        )
        return register_route(route)

    return register
