import pytest
from samples import email, push

from contracts.notification import NotificationType
from contracts.template_snapshot import ChannelVariables
from template_service.domain.content import TemplateContent, prepare_content
from template_service.domain.errors import InvalidContentError
from templating import EmailContent, PushContent


def test_derives_the_text_that_was_not_written() -> None:
    content = TemplateContent(email=email(html='<p>Dear {{name}}, <a href="{{link}}">go</a></p>'))
    text = prepare_content(content).content.email
    assert text is not None
    assert text.text is not None
    assert "{{ name }}" in text.text.replace("{{name}}", "{{ name }}")
    assert "link" in text.text
    assert "<" not in text.text


def test_keeps_the_text_that_was_written() -> None:
    written = EmailContent(subject="Hi", html="<p>Hi</p>", text="Hi there")
    prepared = prepare_content(TemplateContent(email=written))
    assert prepared.content.email == written


def test_finds_the_variables_of_each_channel() -> None:
    written = EmailContent(
        subject="Hi {{name}}", html="<p>{% if company %}{{company}}{% endif %}</p>"
    )
    prepared = prepare_content(TemplateContent(email=written, push=push()))
    assert prepared.variables == {
        NotificationType.EMAIL: ChannelVariables(required=("name",), optional=("company",)),
        NotificationType.PUSH: ChannelVariables(required=("link", "name")),
    }


def test_names_field_line_and_reason_of_what_is_wrong_on_every_channel() -> None:
    content = TemplateContent(
        email=EmailContent(subject="Hi", html="<p>fine</p>\n<p>{{ name </p>"),
        push=PushContent(title="Hi", body="{% include 'x' %}"),
    )
    with pytest.raises(InvalidContentError) as raised:
        prepare_content(content)
    details = raised.value.details
    assert details is not None
    assert [(detail.field, detail.code) for detail in details] == [
        ("email.body", "template_syntax"),
        ("push.body", "template_syntax"),
    ]
    assert details[0].message.startswith("line 2: ")
    assert "include" in details[1].message


def test_names_the_field_of_written_text() -> None:
    content = TemplateContent(email=EmailContent("Hi", "<p>Hi</p>", "{{ 1 / }}"))
    with pytest.raises(InvalidContentError) as raised:
        prepare_content(content)
    assert [detail.field for detail in raised.value.details or ()] == ["email.text"]
