"""Registration tokens whose app was uninstalled: FCM answers 404 UNREGISTERED for them."""

import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class DeadTokens:
    """A set kept in one small JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens: set[str] = set()
        if path.exists():
            self._tokens = set(json.loads(path.read_text("utf-8")))

    def __contains__(self, token: str) -> bool:
        return token in self._tokens

    def replace(self, tokens: set[str]) -> None:
        """Let exactly these be dead."""
        self._tokens = tokens
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(sorted(tokens)), "utf-8")
        fresh.replace(self._path)

    def sorted(self) -> list[str]:
        """All of them, in order."""
        return sorted(self._tokens)


class DeadTokensApi:
    """`/sandbox/dead-tokens`: PUT replaces the list, POST adds to it, DELETE empties it."""

    def __init__(self, dead_tokens: DeadTokens) -> None:
        self._dead_tokens = dead_tokens

    def routes(self) -> list[Route]:
        """The one route."""
        methods = ["GET", "PUT", "POST", "DELETE"]
        return [Route("/sandbox/dead-tokens", self._handle, methods=methods)]

    async def _handle(self, request: Request) -> Response:
        if request.method in ("PUT", "POST"):
            try:
                tokens = json.loads(await request.body())
            except ValueError:
                tokens = None
            if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
                detail = {"field": "body", "message": "must be a JSON list of tokens"}
                return JSONResponse({"error": "Not a list.", "details": [detail]}, 422)
            kept = set(self._dead_tokens.sorted()) if request.method == "POST" else set()
            self._dead_tokens.replace(kept | set(tokens))
        elif request.method == "DELETE":
            self._dead_tokens.replace(set())
        return JSONResponse(self._dead_tokens.sorted())
