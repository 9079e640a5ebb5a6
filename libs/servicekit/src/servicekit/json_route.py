"""Routes that read their bodies in our dialect of JSON, instead of in that of Python's parser."""

import json
from collections.abc import Callable, Coroutine, Sequence
from itertools import islice
from typing import Any, ClassVar

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException

from contracts.envelope import ErrorDetail
from servicekit.errors import MAX_DETAILS
from servicekit.json_dialect import DialectError, parse_json
from servicekit.unfit_text import unfit_texts


class UnfitTextError(HTTPException):
    """422: texts that no later stage can carry; an `HTTPException`, as FastAPI hides all others."""

    def __init__(self, details: Sequence[ErrorDetail]) -> None:
        super().__init__(422)
        self.details = list(details)


class JsonRequest(Request):
    """A request whose body is parsed once, by `parse_json`."""

    takes_any_text: ClassVar[bool] = False

    async def json(self) -> Any:
        """The body's document.

        Raises:
            JSONDecodeError: It is none; FastAPI knows this error, and no other of a parser's.
            UnfitTextError: A text in it cannot be carried.
        """
        if not hasattr(self, "_json"):
            body = await self.body()
            try:
                parsed = parse_json(body)
            except DialectError as error:
                raise json.JSONDecodeError(str(error), "", 0) from error
            unfit = () if self.takes_any_text else [*islice(unfit_texts(body, parsed), MAX_DETAILS)]
            if unfit:
                raise UnfitTextError(unfit)
            self._json = parsed
        return self._json


class AnyTextRequest(JsonRequest):
    """A request whose texts are judged one by one later."""

    takes_any_text = True


class JsonRoute(APIRoute):
    """For `APIRouter(route_class=JsonRoute)`: what each router of a service has to be made with."""

    request_class: ClassVar[type[JsonRequest]] = JsonRequest

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, given a request that reads our dialect."""
        handle = super().get_route_handler()

        async def handle_in_our_dialect(request: Request) -> Response:
            return await handle(self.request_class(request.scope, request.receive))

        return handle_in_our_dialect


class AnyTextRoute(JsonRoute):
    """For bodies of many items, of which an unfit one must not cost the others anything."""

    request_class = AnyTextRequest


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
