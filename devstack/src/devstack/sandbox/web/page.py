"""The web page at `/`, and whether the process lives."""

import secrets
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class PageApi:
    """One HTML file, its script and style allowed by a nonce; nothing else may run or load."""

    def __init__(self) -> None:
        self._html = files("devstack.sandbox.web").joinpath("page.html").read_text("utf-8")

    def routes(self) -> list[Route]:
        """The page and the health check."""
        return [
            Route("/", self._page, methods=["GET"]),
            Route("/health/live", self._live, methods=["GET"]),
        ]

    async def _page(self, _request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            "connect-src 'self'; frame-src 'self'; img-src data:; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )
        return Response(
            self._html.replace("__NONCE__", nonce),
            media_type="text/html",
            headers={
                "Content-Security-Policy": policy,
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            },
        )

    async def _live(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok", "service": "sandbox"})
