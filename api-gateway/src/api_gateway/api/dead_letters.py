"""`/admin/dead-letters`: what was given up, and deciding about it, one by one or many at once."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from api_gateway.api.dead_letter_schemas import (
    DeadLetterJobView,
    DeadLetterSummary,
    DeadLetterView,
    DryRunView,
)
from api_gateway.api.dead_letter_selection import DeadLetterQuery, DeadLetterSelection
from api_gateway.domain.dead_letter import ClosingAction
from api_gateway.usecases.discard_dead_letter import DiscardDeadLetter
from api_gateway.usecases.list_dead_letters import ListDeadLetters
from api_gateway.usecases.read_dead_letter import ReadDeadLetter
from api_gateway.usecases.replay_dead_letter import ReplayDeadLetter
from api_gateway.usecases.start_dead_letter_job import StartDeadLetterJob
from contracts.access import Scope
from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from servicekit.access import Allow, Principal
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.responses import ok, page_of

router = APIRouter(prefix="/admin/dead-letters", tags=["dead letters"], route_class=JsonRoute)

JOBS_PATH: Final = "/api/v1/admin/dead-letter-jobs"

Admin = Annotated[Principal, Depends(Allow(scope=Scope.ADMIN))]

_JOB_OR_COUNT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": Envelope[DryRunView], "description": "With `dry_run`"},
    **errors(ErrorCode.NOT_FOUND),
}
_JOB: Final = {
    "responses": {
        "202": {"headers": {"Location": {"schema": {"type": "string"}, "required": True}}}
    }
}


@router.get("", summary="Dead letters, newest first")
async def read_page(
    query: Annotated[DeadLetterQuery, Query()], _: Admin, request: Request
) -> Envelope[list[DeadLetterSummary]]:
    """Those that wait for a decision; with `state` others, with filters fewer."""
    list_letters: ListDeadLetters = request.app.state.list_dead_letters
    page = query.to_page()
    rows, total = await list_letters(
        query.to_filter(), query.to_state(), offset=page.offset, limit=page.limit
    )
    return page_of(
        [DeadLetterSummary.of(row) for row in rows],
        total=total,
        query=page,
        message="Here are the dead letters.",
    )


@router.get("/{letter_id}", summary="One dead letter, its message and its attempts")
async def read_one(letter_id: str, _: Admin, request: Request) -> Envelope[DeadLetterView]:
    """The whole message as it was received, why it was given up, and what happened before."""
    read: ReadDeadLetter = request.app.state.read_dead_letter
    return ok(DeadLetterView.examined(await read(letter_id)), "Here is the dead letter.")


@router.post(
    "/replay", status_code=202, responses=_JOB_OR_COUNT, openapi_extra=_JOB, summary="Replay many"
)
async def replay_many(
    admin: Admin, body: DeadLetterSelection, request: Request, response: Response
) -> Envelope[DeadLetterJobView] | Envelope[DryRunView]:
    """Start a job that sends all of a selection again; with `dry_run` only count them."""
    return await _start(ClosingAction.REPLAY, admin, body, request, response)


@router.post(
    "/discard", status_code=202, responses=_JOB_OR_COUNT, openapi_extra=_JOB, summary="Discard many"
)
async def discard_many(
    admin: Admin, body: DeadLetterSelection, request: Request, response: Response
) -> Envelope[DeadLetterJobView] | Envelope[DryRunView]:
    """Start a job that discards all of a selection; with `dry_run` only count them."""
    return await _start(ClosingAction.DISCARD, admin, body, request, response)


@router.post(
    "/{letter_id}/replay",
    summary="Send a dead letter on its way again",
    responses=errors(ErrorCode.CONFLICT),
)
async def replay_one(letter_id: str, admin: Admin, request: Request) -> Envelope[DeadLetterSummary]:
    """Begin a new generation of its delivery, with all attempts before it; once."""
    replay: ReplayDeadLetter = request.app.state.replay_dead_letter
    letter = await replay(letter_id, closed_by=admin.caller_id)
    return ok(DeadLetterSummary.of(letter), "The dead letter was replayed.")


@router.post(
    "/{letter_id}/discard",
    summary="Decide that a dead letter stays unsent",
    responses=errors(ErrorCode.CONFLICT),
)
async def discard_one(
    letter_id: str, admin: Admin, request: Request
) -> Envelope[DeadLetterSummary]:
    """It is kept, and no longer listed among the open ones."""
    discard: DiscardDeadLetter = request.app.state.discard_dead_letter
    letter = await discard(letter_id, closed_by=admin.caller_id)
    return ok(DeadLetterSummary.of(letter), "The dead letter was discarded.")


async def _start(
    action: ClosingAction,
    admin: Principal,
    body: DeadLetterSelection,
    request: Request,
    response: Response,
) -> Envelope[DeadLetterJobView] | Envelope[DryRunView]:
    start: StartDeadLetterJob = request.app.state.start_dead_letter_job
    selection = body.to_selection()
    if body.dry_run:
        response.status_code = 200
        return ok(
            DryRunView.of(action, await start.count(selection)),
            f"Nothing was done; this is what {action} would be for.",
        )
    job = await start(action, selection, requested_by=admin.caller_id)
    response.headers["Location"] = f"{JOBS_PATH}/{job.id}"
    return ok(DeadLetterJobView.of(job), "The job was started.")
