"""`GET`, `PUT` and `DELETE /sandbox/failures/{smtp|smtp-b|sendgrid|fcm|oauth}`."""

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.sandbox.failures.rule import FailureRule
from devstack.sandbox.failures.rulebook import Rulebook


class FailuresApi:
    """Shows and replaces the rules of each target."""

    def __init__(self, rulebooks: Mapping[str, Rulebook]) -> None:
        self._rulebooks = rulebooks
        self._rules = TypeAdapter(list[FailureRule])

    def routes(self) -> list[Route]:
        """The one route."""
        methods = ["GET", "PUT", "DELETE"]
        return [Route("/sandbox/failures/{target}", self._handle, methods=methods)]

    async def _handle(self, request: Request) -> Response:
        rulebook = self._rulebooks.get(request.path_params["target"])
        if rulebook is None:
            known = ", ".join(self._rulebooks)
            return JSONResponse({"error": f"There is no such target; use one of {known}."}, 404)
        if request.method == "PUT":
            try:
                rulebook.replace(self._rules.validate_json(await request.body()))
            except ValidationError as error:
                return _unprocessable([_detail(e["loc"], e["msg"]) for e in error.errors()])
            except ValueError as error:
                field, _, message = str(error).partition(": ")
                return _unprocessable([{"field": field, "message": message}])
        elif request.method == "DELETE":
            rulebook.replace([])
        return JSONResponse(rulebook.describe())


def _detail(location: tuple[int | str, ...], message: str) -> dict[str, str]:
    path = ".".join(str(step) for step in location)
    text = message.removeprefix("Value error, ")
    field, colon, rest = text.partition(": ")
    if text != message and colon:  # our own errors begin with the field
        return {"field": f"{path}.{field}", "message": rest}
    return {"field": path or "body", "message": text}


def _unprocessable(details: list[dict[str, str]]) -> Response:
    return JSONResponse({"error": "The rules are not valid.", "details": details}, 422)
