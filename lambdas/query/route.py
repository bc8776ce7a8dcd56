"""Registers routes, with everything that is the same for all of them."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Literal, TypeVar

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from query import schema
from query.parameters import only

_Route = TypeVar("_Route", bound=Callable[..., schema.Schema])
_NOT_IN_THE_QUERY = frozenset({"bucket", "incident_id", "manifest"})
"""Parameters of the path and the body."""


def new_router() -> APIGatewayRouter:
    """The routes of one resource; the handler puts them together."""
    return APIGatewayRouter()  # type: ignore[no-untyped-call]


def _register(
    method: Literal["GET", "POST"], router: APIGatewayRouter, path: str, *, tag: str, summary: str
) -> Callable[[_Route], _Route]:
    """Registers a route. Its docstring is its description in the OpenAPI document."""

    def register(route: _Route) -> _Route:
        names = frozenset(inspect.signature(route).parameters) - _NOT_IN_THE_QUERY
        register_route = router.route(
            path,
            method=method,
            summary=summary,
            description=inspect.getdoc(route),
            operation_id=route.__name__,
            tags=[tag],
            middlewares=[only(names)],
        )
        return register_route(route)

    return register


get = partial(_register, "GET")
post = partial(_register, "POST")
"""For questions with a body."""
