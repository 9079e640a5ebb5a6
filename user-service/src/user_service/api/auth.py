"""Sign-in, and the public keys by which everybody checks what it hands out."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from servicekit.access import PUBLIC_MARK, Allow, CallerKind, Principal
from servicekit.documented_errors import errors
from servicekit.errors import ForbiddenError
from servicekit.json_route import JsonRoute
from servicekit.responses import ok
from user_service.api.answers import TokenAnswer
from user_service.api.dependencies import UseCasesHere
from user_service.api.examples import KEY_SET, SIGNED_OUT
from user_service.api.schemas import ChangePasswordBody, RefreshTokenBody, SignInBody
from user_service.usecases.sessions import SignedIn

router: Final = APIRouter(prefix="/auth", tags=["auth"], route_class=JsonRoute)

_Person = Annotated[Principal, Depends(Allow(users=True))]
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
    """A session's tokens; unknown, inactive and mistyped are the same 401 `invalid_credentials`."""
    signed_in = await use_cases.sign_in(body.email, body.password.get_secret_value())
    return _tokens(signed_in, response, "Signed in.")


@router.post(
    "/refresh",
    openapi_extra=_PUBLIC,
    summary="Stay signed in",
    responses=errors(ErrorCode.INVALID_CREDENTIALS, ErrorCode.DEPENDENCY_UNAVAILABLE),
)
async def refresh(
    body: RefreshTokenBody, response: Response, use_cases: UseCasesHere
) -> Envelope[TokenAnswer]:
    """The next tokens. Showing a refresh token a second time ends its whole session."""
    signed_in = await use_cases.keep_signed_in.go_on(body.refresh_token.get_secret_value())
    return _tokens(signed_in, response, "Still signed in.")


@router.post(
    "/logout",
    openapi_extra=_PUBLIC,
    summary="Sign out",
    responses={
        200: {"content": {"application/json": {"example": SIGNED_OUT}}},
        **errors(ErrorCode.DEPENDENCY_UNAVAILABLE),
    },
)
async def sign_out(body: RefreshTokenBody, use_cases: UseCasesHere) -> Envelope[None]:
    """Ends the session of a refresh token; whatever the token is, the answer is the same.

    Access tokens that were handed out last to their end, a quarter of an hour at most.
    """
    await use_cases.keep_signed_in.end(body.refresh_token.get_secret_value())
    return ok(None, "Signed out.")


@router.post(
    "/password",
    summary="Change one's own password",
    responses=errors(ErrorCode.USER_NOT_FOUND, ErrorCode.OVERLOADED),
)
async def change_password(
    caller: _Person, body: ChangePasswordBody, response: Response, use_cases: UseCasesHere
) -> Envelope[TokenAnswer]:
    """Ends all of one's sessions, and begins one with these tokens."""
    if caller.kind is not CallerKind.USER:
        msg = "Only who is signed in has a password of their own."
        raise ForbiddenError(msg)
    signed_in = await use_cases.change_password(
        UUID(caller.id),
        present=body.current_password.get_secret_value(),
        new=body.new_password.get_secret_value(),
        by=caller,
    )
    return _tokens(signed_in, response, "The password was changed.")


def _tokens(signed_in: SignedIn, response: Response, message: str) -> Envelope[TokenAnswer]:
    response.headers["Cache-Control"] = "no-store"  # RFC 6749 §5.1
    return ok(TokenAnswer.of(signed_in), message)


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
