"""What routes are given: the use cases, and parameters that several of them take."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Path, Query, Request

from contracts.template_code import is_template_code
from servicekit.text_types import Language
from template_service.domain.errors import TemplateNotFoundError
from template_service.usecases.create_template import CreateTemplate
from template_service.usecases.get_snapshot import GetSnapshot
from template_service.usecases.get_snapshots import GetSnapshots
from template_service.usecases.get_template import GetTemplate
from template_service.usecases.get_version import GetVersion
from template_service.usecases.list_templates import ListTemplates
from template_service.usecases.publish_version import PublishVersion
from template_service.usecases.render_version import RenderVersion

_MAX_VERSION: Final = 2**31 - 1  # of PostgreSQL's integer


@dataclass(frozen=True)
class UseCases:
    """All that this service can do; built once, in bootstrap."""

    create_template: CreateTemplate
    publish_version: PublishVersion
    get_template: GetTemplate
    list_templates: ListTemplates
    get_snapshot: GetSnapshot
    get_snapshots: GetSnapshots
    get_version: GetVersion
    render_version: RenderVersion


def _use_cases(request: Request) -> UseCases:
    use_cases: UseCases = request.app.state.use_cases
    return use_cases


def _template_code(code: Annotated[str, Path(description="The template's code.")]) -> str:
    """A code that no template can have is simply not found."""
    if not is_template_code(code):
        raise TemplateNotFoundError(code)
    return code


UseCasesHere = Annotated[UseCases, Depends(_use_cases)]
CodeInPath = Annotated[str, Depends(_template_code)]
VersionInPath = Annotated[int, Path(ge=1, le=_MAX_VERSION)]
VersionInQuery = Annotated[
    int | None, Query(ge=1, le=_MAX_VERSION, description="Default: the live one.")
]
LanguageInQuery = Annotated[
    Language | None, Query(description="BCP 47; default: the template's default language.")
]
