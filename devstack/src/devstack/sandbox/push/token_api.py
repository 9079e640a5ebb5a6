"""Google's OAuth token endpoint, `POST /token`, for service accounts."""

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.sandbox.failures.rulebook import Rulebook
from devstack.sandbox.push.access_token import LIFETIME, AccessTokens
from devstack.sandbox.push.jwt_assertion import AssertionVerifier, InvalidAssertionError
from devstack.sandbox.web.connection import drip, drop_connection, until_disconnect

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class TokenApi:
    """Exchanges signed assertions for access tokens."""

    def __init__(
        self,
        verifier: AssertionVerifier,
        tokens: AccessTokens,
        rulebook: Rulebook,
        now: Callable[[], float],
    ) -> None:
        self._verifier = verifier
        self._tokens = tokens
        self._rulebook = rulebook
        self._now = now

    def routes(self) -> list[Route]:
        """The one route."""
        return [Route("/token", self._token, methods=["POST"])]

    async def _token(self, request: Request) -> Response:
        body = await request.body()
        rule = self._rulebook.choose()
        if rule is not None:
            if rule.delay_seconds is not None and rule.action != "drip":
                await asyncio.sleep(rule.delay_seconds)
            if rule.action == "refuse":
                headers = (
                    {} if rule.retry_after is None else {"Retry-After": f"{rule.retry_after:g}"}
                )
                code = rule.error_code or "internal_failure"
                return _refuse(code, rule.text or "Backend Error", rule.status or 503, headers)
            if rule.action.startswith("hang"):
                await until_disconnect(request)
            if rule.action.startswith(("drop_", "hang")):
                return await drop_connection(request)
        answer = self._answer(request, body)
        if rule is not None and rule.action == "drip":
            return drip(answer, rule.delay_seconds)
        return answer

    def _answer(self, request: Request, body: bytes) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return _refuse("invalid_request", "Bad Request: the body must be a form")
        try:
            form = parse_qs(body.decode("ascii"), max_num_fields=20)
        except ValueError:
            return _refuse("invalid_request", "Bad Request")
        grants = form.get("grant_type", [])
        if not grants:
            return _refuse("invalid_request", "Missing required parameter: grant_type")
        if grants[0] != GRANT_TYPE:
            return _refuse("unsupported_grant_type", f"Invalid grant_type: {grants[0]}")
        try:
            scopes = self._verifier.verify(form.get("assertion", [""])[0], self._now())
        except InvalidAssertionError as error:
            return _refuse(error.error, str(error))
        token = self._tokens.issue(scopes)
        return JSONResponse(
            {"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"},
            headers={"Cache-Control": "no-store"},
        )


def _refuse(
    error: str, description: str, status: int = 400, headers: dict[str, str] | None = None
) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status, headers)
