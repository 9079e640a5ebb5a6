"""`/admin/dead-letter-jobs`: how far the jobs over dead letters have come."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api_gateway.api.dead_letter_schemas import DeadLetterJobView
from api_gateway.usecases.read_dead_letter_job import ReadDeadLetterJob
from contracts.access import Scope
from contracts.envelope import Envelope
from servicekit.access import Allow, Principal
from servicekit.pagination import PageQuery
from servicekit.responses import ok, page_of

router = APIRouter(prefix="/admin/dead-letter-jobs", tags=["dead letters"])

Admin = Annotated[Principal, Depends(Allow(scope=Scope.ADMIN))]


@router.get("/{job_id}", summary="One job and its progress")
async def read_one(job_id: str, _: Admin, request: Request) -> Envelope[DeadLetterJobView]:
    """Ask again until `state` is `completed`."""
    read: ReadDeadLetterJob = request.app.state.read_dead_letter_job
    return ok(DeadLetterJobView.of(await read.one(job_id)), "Here is the job.")


@router.get("", summary="Jobs over dead letters, newest first")
async def read_page(
    query: Annotated[PageQuery, Depends()], _: Admin, request: Request
) -> Envelope[list[DeadLetterJobView]]:
    """All jobs, running and completed."""
    read: ReadDeadLetterJob = request.app.state.read_dead_letter_job
    rows, total = await read.page(offset=query.offset, limit=query.limit)
    return page_of(
        [DeadLetterJobView.of(row) for row in rows],
        total=total,
        query=query,
        message="Here are the jobs.",
    )
