"""API keys as administrators manage them, and as services that check keys look them up."""

import re
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response

from contracts.access import ApiKeyRecord
from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from servicekit.access import Allow, Principal
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.pagination import PageQuery
from servicekit.responses import ok, page_of
from user_service.api.answers import ApiKeyAnswer, NewApiKeyAnswer, new_api_key_answer
from user_service.api.dependencies import KeyIdInPath, UseCasesHere
from user_service.api.schemas import CreateApiKeyBody, RotateApiKeyBody
from user_service.domain.errors import ApiKeyNotFoundError

router: Final = APIRouter(prefix="/api-keys", tags=["api keys"], route_class=JsonRoute)

_Admin = Annotated[Principal, Depends(Allow())]
_AdminOnly = Depends(Allow())
_Services = Depends(Allow(services=("api-gateway", "template-service")))
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@router.post("", status_code=201, summary="Create an API key")
async def create_api_key(
    caller: _Admin, body: CreateApiKeyBody, response: Response, use_cases: UseCasesHere
) -> Envelope[NewApiKeyAnswer]:
    """`key` is shown this once; only its digest is kept."""
    created = await use_cases.create_api_key(
        name=body.name,
        scopes=body.scopes,
        rate_limit_per_minute=body.rate_limit_per_minute,
        expires_at=body.expires_at,
        by=caller.caller_id,
    )
    response.headers["Cache-Control"] = "no-store"
    return ok(new_api_key_answer(created), "The key was created; keep it, it is not shown again.")


@router.get("", dependencies=[_AdminOnly], summary="List API keys, newest first")
async def list_api_keys(
    query: Annotated[PageQuery, Depends()], use_cases: UseCasesHere
) -> Envelope[list[ApiKeyAnswer]]:
    """Revoked ones too."""
    api_keys, total = await use_cases.list_api_keys(limit=query.limit, offset=query.offset)
    return page_of(
        [ApiKeyAnswer.of(api_key) for api_key in api_keys],
        total=total,
        query=query,
        message="API keys, newest first.",
    )


@router.delete("/{key_id}", dependencies=[_AdminOnly], summary="Revoke an API key")
async def revoke_api_key(key_id: KeyIdInPath, use_cases: UseCasesHere) -> Envelope[ApiKeyAnswer]:
    """In force when this answers; revoking a revoked key changes nothing."""
    api_key = await use_cases.revoke_api_key(key_id)
    return ok(ApiKeyAnswer.of(api_key), "The key is revoked.")


@router.post(
    "/{key_id}/rotate",
    dependencies=[_AdminOnly],
    summary="Replace an API key by its next one",
    responses=errors(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
)
async def rotate_api_key(
    key_id: KeyIdInPath, body: RotateApiKeyBody, response: Response, use_cases: UseCasesHere
) -> Envelope[NewApiKeyAnswer]:
    """`key` is shown this once. The present key goes on for `overlap_seconds`, at most thirty days.

    To the system it is the same application: id, scopes, rate, and what it has sent stay. A key
    from before the last rotation ends at once. 409 for one that was revoked or has expired.
    """
    rotated = await use_cases.rotate_api_key(key_id, timedelta(seconds=body.overlap_seconds))
    response.headers["Cache-Control"] = "no-store"
    return ok(new_api_key_answer(rotated), "The key was rotated; keep it, it is not shown again.")


@router.get("/by-digest/{digest}", dependencies=[_Services], summary="What is behind an API key")
async def find_api_key(digest: str, use_cases: UseCasesHere) -> Envelope[ApiKeyRecord]:
    """By the key's SHA-256 in hex; a revoked key is found, and is not active."""
    if not _DIGEST.fullmatch(digest):
        raise ApiKeyNotFoundError
    record = await use_cases.find_api_key.find(digest)
    if record is None:
        raise ApiKeyNotFoundError
    return ok(record, "The key's record.")
