"""Templates as applications and administrators see them."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends

from contracts.access import Scope
from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from servicekit.access import Allow, Principal
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.pagination import PageQuery
from servicekit.responses import ok, page_of
from template_service.api.answers import TemplateAnswer
from template_service.api.commands import new_template, publication
from template_service.api.dependencies import (
    CodeInPath,
    LanguageInQuery,
    UseCasesHere,
    VersionInQuery,
)
from template_service.api.schemas import CreateTemplateBody, PublishVersionBody
from template_service.domain.publication import Revision

router: Final = APIRouter(prefix="/templates", tags=["templates"], route_class=JsonRoute)

_Writer = Annotated[Principal, Depends(Allow(scope=Scope.TEMPLATES_WRITE))]
_Reader = Depends(Allow(scope=Scope.TEMPLATES_READ))
_ReaderOrWorker = Depends(
    Allow(scope=Scope.TEMPLATES_READ, services=("email-service", "push-service"))
)


@router.post(
    "",
    status_code=201,
    summary="Create a template; it is live at once",
    responses=errors(ErrorCode.TEMPLATE_EXISTS, ErrorCode.TEMPLATE_INVALID),
)
async def create_template(
    caller: _Writer, body: CreateTemplateBody, use_cases: UseCasesHere
) -> Envelope[TemplateAnswer]:
    """An email may also be written flat: `subject`, `body` (or `content`) and `text`."""
    created = await use_cases.create_template(new_template(body), by=caller.caller_id)
    return ok(TemplateAnswer.of(created), "The template was created.")


@router.get("", dependencies=[_Reader], summary="List templates by code")
async def list_templates(
    query: Annotated[PageQuery, Depends()], use_cases: UseCasesHere
) -> Envelope[list[TemplateAnswer]]:
    """Each with what is live in its default language; `meta.total` is exact up to 10,000."""
    entries, total = await use_cases.list_templates(limit=query.limit, offset=query.offset)
    return page_of(
        [TemplateAnswer.of(entry) for entry in entries],
        total=total,
        query=query,
        message="Templates by code.",
    )


@router.get(
    "/{code}",
    dependencies=[_ReaderOrWorker],
    summary="Get a template",
    responses=errors(ErrorCode.TEMPLATE_NOT_FOUND),
)
async def get_template(
    code: CodeInPath,
    use_cases: UseCasesHere,
    language: LanguageInQuery = None,
    version: VersionInQuery = None,
) -> Envelope[TemplateAnswer]:
    """With the version that is live in a language, or with another."""
    found = await use_cases.get_template(code, language=language, version=version)
    return ok(TemplateAnswer.of(found), "The template.")


@router.put(
    "/{code}",
    summary="Publish a new version; it is live at once",
    responses=errors(ErrorCode.TEMPLATE_NOT_FOUND, ErrorCode.TEMPLATE_INVALID),
)
async def publish_version(
    caller: _Writer, code: CodeInPath, body: PublishVersionBody, use_cases: UseCasesHere
) -> Envelope[TemplateAnswer]:
    """The content replaces what is live in the language; what is the same is not published."""
    revision = await use_cases.publish_version(publication(code, body), by=caller.caller_id)
    return ok(TemplateAnswer.of(revision.result), _what_happened(revision))


def _what_happened(revision: Revision) -> str:
    version = revision.result.version
    if revision.is_new_version:
        return f"Version {version.version} is live in {version.language}."
    if revision.is_changed:
        return (
            f"The template was changed; its content is that of version {version.version}, "
            "so no new version was published."
        )
    return f"Nothing was published: this is what version {version.version} says already."
