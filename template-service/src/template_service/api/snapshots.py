"""Templates as our own services see them: to accept, explain and render a notification."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from contracts.access import Scope
from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from contracts.snapshot_questions import TemplateSnapshotsQuestion
from contracts.template_rendering import RenderedHeadline, RenderingRequest
from contracts.template_snapshot import TemplateSnapshot, TemplateVersion
from servicekit.access import Allow
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.responses import ok
from servicekit.text_types import Language
from template_service.api.answers import version_answer
from template_service.api.dependencies import CodeInPath, UseCasesHere, VersionInPath

router: Final = APIRouter(prefix="/templates", tags=["templates"], route_class=JsonRoute)

_Gateway = Depends(Allow(services=("api-gateway",)))
_ReaderOrService = Depends(
    Allow(
        scope=Scope.TEMPLATES_READ,
        services=("email-service", "push-service", "api-gateway"),
    )
)


@router.get(
    "/{code}/snapshot",
    dependencies=[_Gateway],
    summary="All languages, no sources",
    responses=errors(ErrorCode.TEMPLATE_NOT_FOUND),
)
async def get_snapshot(code: CodeInPath, use_cases: UseCasesHere) -> Envelope[TemplateSnapshot]:
    """What the gateway decides with, as of one row version."""
    return ok(await use_cases.get_snapshot(code), "The template's snapshot.")


@router.post("/snapshots", dependencies=[_Gateway], summary="Of many, all languages, no sources")
async def get_snapshots(
    body: TemplateSnapshotsQuestion, use_cases: UseCasesHere
) -> Envelope[list[TemplateSnapshot]]:
    """Snapshots of those templates that exist, in no order; up to 1,000 at once."""
    return ok(list(await use_cases.get_snapshots(body.codes)), "The templates' snapshots.")


@router.get(
    "/{code}/versions/{version}",
    dependencies=[_ReaderOrService],
    summary="Sources of one version",
    responses=errors(ErrorCode.TEMPLATE_NOT_FOUND),
)
async def get_version(
    code: CodeInPath,
    version: VersionInPath,
    use_cases: UseCasesHere,
    language: Annotated[Language, Query(description="BCP 47.")] = "en",
) -> Envelope[TemplateVersion]:
    """It never changes and never goes away, so it may be kept for ever."""
    found = await use_cases.get_version(code, language=language, version=version)
    return ok(version_answer(found), "The version.")


@router.post(
    "/{code}/versions/{version}/render",
    dependencies=[_Gateway],
    summary="Render one version with given values",
    responses=errors(ErrorCode.TEMPLATE_NOT_FOUND),
)
async def render_version(
    code: CodeInPath, version: VersionInPath, body: RenderingRequest, use_cases: UseCasesHere
) -> Envelope[RenderedHeadline]:
    """All of it is rendered as a worker would, and the subject or title told, or the problem."""
    rendered = await use_cases.render_version(
        code,
        language=body.language,
        version=version,
        channel=body.notification_type,
        variables=body.variables,
    )
    return ok(
        rendered, "It was rendered." if rendered.problem is None else "It cannot be rendered."
    )
