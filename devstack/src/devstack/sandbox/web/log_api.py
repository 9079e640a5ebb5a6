"""`GET /sandbox/log?since=<n>&channel=<email|push>&limit=<n>`: what was handed over."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.sandbox.storage.handed_over_log import Channel, HandedOverLog
from devstack.sandbox.web.paging import BadPageError, read_number

_CHANNELS: dict[str | None, Channel | None] = {None: None, "email": "email", "push": "push"}


class LogApi:
    """Reads the log; nothing can change it."""

    def __init__(self, log: HandedOverLog) -> None:
        self._log = log

    def routes(self) -> list[Route]:
        """The one route."""
        return [Route("/sandbox/log", self._read, methods=["GET"])]

    async def _read(self, request: Request) -> Response:
        parameters = request.query_params
        channel = parameters.get("channel") or None
        if channel not in _CHANNELS:
            return _unprocessable("channel", "must be email or push")
        try:
            since = read_number(parameters, "since", default=0)
            limit = read_number(parameters, "limit", default=1_000_000)
        except BadPageError as error:
            field, _, message = str(error).partition(" ")
            return _unprocessable(field, message)
        entries = self._log.since(since, _CHANNELS[channel], limit)
        return JSONResponse({"entries": entries, "last": self._log.last_number})


def _unprocessable(field: str, message: str) -> Response:
    detail = {"field": field, "message": message}
    return JSONResponse({"error": f"{field} {message}", "details": [detail]}, 422)
