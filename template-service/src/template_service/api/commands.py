"""From checked bodies to what the use cases take."""

from contracts.envelope import ErrorDetail
from servicekit.errors import UnprocessableContentError
from template_service.api.schemas import CreateTemplateBody, EmailBody, PublishVersionBody, PushBody
from template_service.domain.content import TemplateContent
from template_service.domain.publication import Attributes
from template_service.usecases.create_template import NewTemplate
from template_service.usecases.publish_version import Publication
from templating import EmailContent, PushContent


def new_template(body: CreateTemplateBody) -> NewTemplate:
    """What `POST /templates` asks for."""
    return NewTemplate(
        code=body.code,
        name=body.name or body.code,
        description=body.description,
        category=body.category,
        ambiguous=body.ambiguous,
        language=body.language,
        content=_content(body.email, body.push),
    )


def publication(code: str, body: PublishVersionBody) -> Publication:
    """What `PUT /templates/{code}` asks for."""
    return Publication(
        code=code,
        language=body.language,
        content=_content(body.email, body.push),
        attributes=Attributes(
            name=body.name,
            description=body.description,
            category=body.category,
            ambiguous=body.ambiguous,
        ),
    )


def _content(email: EmailBody | None, push: PushBody | None) -> TemplateContent:
    if email is None and push is None:
        msg = "Give content for at least one channel: email or push."
        detail = ErrorDetail(field="email", code="channel_missing", message=msg)
        raise UnprocessableContentError(msg, details=[detail])
    return TemplateContent(
        email=None if email is None else EmailContent(email.subject, email.body, email.text),
        push=None
        if push is None
        else PushContent(push.title, push.body, push.image, push.link, push.data),
    )
