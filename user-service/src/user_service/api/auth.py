"""Sign-in, and the public keys by which everybody checks what it hands out."""

from typing import Any, Final

from fastapi import APIRouter, Response

from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from servicekit.access import PUBLIC_MARK
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.responses import ok
from user_service.api.answers import TokenAnswer
from user_service.api.dependencies import UseCasesHere
from user_service.api.examples import KEY_SET
from user_service.api.schemas import SignInBody

router: Final = APIRouter(prefix="/auth", tags=["auth"], route_class=JsonRoute)

_PUBLIC: Final = {"x-access": PUBLIC_MARK}


@router.post(
    "/login",
    openapi_extra=_PUBLIC,
    summary="Sign in",
    responses=errors(
        ErrorCode.INVALID_CREDENTIALS, ErrorCode.OVERLOADED, ErrorCode.DEPENDENCY_UNAVAILABLE
    ),
)
async def sign_in(
    body: SignInBody, response: Response, use_cases: UseCasesHere
) -> Envelope[TokenAnswer]:
    """An access token; unknown, inactive and mistyped are the same 401 `invalid_credentials`."""
    signed_in = await use_cases.sign_in(body.email, body.password.get_secret_value())
    response.headers["Cache-Control"] = "no-store"  # RFC 6749 §5.1
    return ok(TokenAnswer.of(signed_in), "Signed in.")


@router.get(
    "/jwks.json",
    openapi_extra=_PUBLIC,
    summary="Public keys of access tokens",
    responses={200: {"content": {"application/json": {"example": KEY_SET}}}},
)
async def public_keys(response: Response, use_cases: UseCasesHere) -> dict[str, Any]:
    """The JWKS document (RFC 7517), without the envelope, as verifiers expect it."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return await use_cases.public_keys()
