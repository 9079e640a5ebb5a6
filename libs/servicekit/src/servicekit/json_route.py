"""Routes that read their bodies in our dialect of JSON, instead of in that of Python's parser."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts

from servicekit.json_dialect import DialectError, parse_json


class JsonRequest(Request):
    """A request whose body is parsed once, by `parse_json`."""

    async def json(self) -> Any:
        """The body's document.

        Raises:
            JSONDecodeError: It is none; FastAPI knows this error, and no other of a parser's.
        """
        if not hasattr(self, "_json"):
            body = await self.body()
            try:
                self._json = parse_json(body)
            except DialectError as error:
                raise json.JSONDecodeError(str(error), "", 0) from error
        return self._json


class JsonRoute(APIRoute):
    """For `APIRouter(route_class=JsonRoute)`: what each router of a service has to be made with."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, given a request that reads our dialect."""
        handle = super().get_route_handler()

        async def handle_in_our_dialect(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_in_our_dialect


class ForeignDialectError(RuntimeError):
    """A route that would read its body by another parser."""


def refuse_other_dialects(app: FastAPI) -> None:
    """Stop the service from being built when a route would read JSON of another dialect.

    Raises:
        ForeignDialectError: Names the route.
    """
    for route in iter_route_contexts(app.routes):
        original = route.original_route
        reads = isinstance(original, APIRoute) and original.body_field is not None
        if reads and not isinstance(original, JsonRoute):
            msg = f"{route.path} takes a body: make its router with route_class=JsonRoute"
            raise ForeignDialectError(msg)
