"""The pushes received, over an API of our own in the style of Mailpit's."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from devstack.sandbox.inbox.mail_document import rfc3339
from devstack.sandbox.push.pushbox import Push, Pushbox
from devstack.sandbox.web.paging import BadPageError, read_page


class PushApi:
    """`/api/v1/pushes`: list with `query` (`token:`, `title:`, `body:`, free text), one, delete."""

    def __init__(self, pushbox: Pushbox) -> None:
        self._pushbox = pushbox

    def routes(self) -> list[Route]:
        """All routes of the push half that only our own tools use."""
        return [
            Route("/api/v1/pushes", self._list, methods=["GET"]),
            Route("/api/v1/pushes", self._delete, methods=["DELETE"]),
            Route("/api/v1/pushes/{id}", self._show, methods=["GET"]),
        ]

    async def _list(self, request: Request) -> Response:
        try:
            page = read_page(request.query_params)
        except BadPageError as error:
            return PlainTextResponse(f"Error: {error}", 400)
        words = request.query_params.get("query", "").split()
        found = [
            push
            for push in self._pushbox.newest_first()
            if all(push_matches(push, word) for word in words)
        ]
        shown = [self._describe(push) for push in page.of(found)]
        return JSONResponse(
            {
                "total": len(self._pushbox),
                "count": len(shown),
                "pushes_count": len(found),
                "start": page.start,
                "pushes": shown,
            }
        )

    async def _show(self, request: Request) -> Response:
        push = self._pushbox.find(request.path_params["id"])
        if push is None:
            return PlainTextResponse("404 page not found", 404)
        return JSONResponse(self._describe(push))

    async def _delete(self, _request: Request) -> Response:
        self._pushbox.clear()
        return PlainTextResponse("ok")

    def _describe(self, push: Push) -> dict[str, Any]:
        message = self._pushbox.message(push)
        return {
            "ID": push.id,
            "Name": push.name,
            "TargetKind": push.target_kind,
            "Token": push.target,
            "Title": push.title,
            "Body": push.body,
            "Image": (message.get("notification") or {}).get("image", ""),
            "Data": message.get("data") or {},
            "Created": rfc3339(push.created),
            "Message": message,
        }


def push_matches(push: Push, word: str) -> bool:
    """Whether a push meets one word of a query; `token:` matches whole, the others by substring."""
    field, colon, value = word.partition(":")
    if colon and field.lower() == "token":
        return push.target == value
    if colon and field.lower() in ("title", "body"):
        return value.lower() in getattr(push, field.lower()).lower()
    return word.lower() in f"{push.title} {push.body} {push.target}".lower()
