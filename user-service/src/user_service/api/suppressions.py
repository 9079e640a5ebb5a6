"""Addresses that nothing is sent to, as administrators and applications manage them.

An address goes in and never comes out: what is kept, and answered, is its digest.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from contracts.access import Scope
from contracts.envelope import Envelope, ErrorDetail
from contracts.error_codes import ErrorCode
from servicekit.access import Allow, Principal
from servicekit.documented_errors import errors
from servicekit.errors import UnprocessableContentError
from servicekit.json_route import JsonRoute
from servicekit.pagination import PageQuery
from servicekit.responses import ok, page_of
from user_service.api.answers import SuppressionAnswer
from user_service.api.dependencies import UseCasesHere
from user_service.api.schemas import Email, SuppressBody

router: Final = APIRouter(prefix="/suppressions", tags=["suppressions"], route_class=JsonRoute)

_Writer = Annotated[Principal, Depends(Allow(scope=Scope.USERS_WRITE))]
_WriterOnly = Depends(Allow(scope=Scope.USERS_WRITE))
_ReaderOnly = Depends(Allow(scope=Scope.USERS_READ))
_EmailInQuery = Annotated[Email | None, Query(description="The address.")]
_DigestInQuery = Annotated[
    str | None, Query(pattern=r"^[0-9a-f]{64}$", description="Its digest, as a list shows it.")
]


@router.post("", status_code=201, summary="Suppress an e-mail address")
async def add_suppression(
    caller: _Writer, body: SuppressBody, use_cases: UseCasesHere
) -> Envelope[SuppressionAnswer]:
    """In force when this answers. A stronger reason and a later expiry that are known stay."""
    kept = await use_cases.add_suppression(
        use_cases.email_digest(body.email),
        reason=body.reason,
        expires_at=body.expires_at,
        by=caller.caller_id,
    )
    return ok(SuppressionAnswer.of(kept), "The address is suppressed.")


@router.get("", dependencies=[_ReaderOnly], summary="List suppressions, newest first")
async def list_suppressions(
    query: Annotated[PageQuery, Depends()], use_cases: UseCasesHere, email: _EmailInQuery = None
) -> Envelope[list[SuppressionAnswer]]:
    """Those in force; with `email` that of one address, or none. `meta.total` is exact up to
    10,000.
    """
    if email is None:
        found, total = await use_cases.find_suppressions.page(
            limit=query.limit, offset=query.offset
        )
    else:
        one = await use_cases.find_suppressions.of(use_cases.email_digest(email))
        of_it = [] if one is None else [one]
        found, total = of_it[query.offset :], len(of_it)
    return page_of(
        [SuppressionAnswer.of(suppression) for suppression in found],
        total=total,
        query=query,
        message="Suppressions, newest first.",
    )


@router.delete(
    "",
    dependencies=[_WriterOnly],
    summary="Lift a suppression",
    responses=errors(ErrorCode.NOT_FOUND),
)
async def lift_suppression(
    use_cases: UseCasesHere, email: _EmailInQuery = None, digest: _DigestInQuery = None
) -> Envelope[SuppressionAnswer]:
    """By `email` or by `digest`; from this answer on the address is sent to again."""
    match email, digest:
        case str(), None:
            wanted = use_cases.email_digest(email)
        case None, str():
            wanted = digest
        case _:
            message = "Name either the email or the digest."
            raise UnprocessableContentError(
                message, details=[ErrorDetail(field="email", code="one_of_two", message=message)]
            )
    lifted = await use_cases.lift_suppression(wanted)
    return ok(SuppressionAnswer.of(lifted), "The address is sent to again.")
