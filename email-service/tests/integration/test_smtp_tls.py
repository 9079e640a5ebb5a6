import ssl

import pytest
import trustme
from email_deliveries import an_email
from scripted_smtp_server import scripted_smtp_server
from smtp_providers import a_provider

from delivery.errors import TransientDeliveryError
from email_service.adapters.smtp_server import SmtpTls


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


LOGIN = ("AUTH PLAIN",)


async def test_starttls_then_login_then_mail(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async with (
        scripted_smtp_server(("STARTTLS", *LOGIN), tls_context=server_tls) as server,
        a_provider(
            server.port, tls=SmtpTls.STARTTLS, tls_context=client_tls, password="secret"
        ) as provider,
    ):
        await provider.send(an_email())
        verbs = [command.split(" ")[0] for command in server.commands]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"]


async def test_implicit_tls(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    async with (
        scripted_smtp_server(tls_context=server_tls, implicit_tls=True) as server,
        a_provider(server.port, tls=SmtpTls.IMPLICIT, tls_context=client_tls) as provider,
    ):
        await provider.send(an_email())
    assert len(server.mails) == 1


async def test_without_starttls_nothing_is_sent(client_tls: ssl.SSLContext) -> None:
    async with (
        scripted_smtp_server(LOGIN) as server,
        a_provider(
            server.port, tls=SmtpTls.STARTTLS, tls_context=client_tls, password="secret"
        ) as provider,
    ):
        with pytest.raises(TransientDeliveryError) as error:
            await provider.send(an_email())
        assert error.value.provider_failed
        assert server.commands == ["EHLO us.test"]


@pytest.mark.parametrize("tls", [SmtpTls.STARTTLS, SmtpTls.IMPLICIT])
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    server_tls: ssl.SSLContext, tls: SmtpTls
) -> None:
    stranger = ssl.create_default_context()
    async with (
        scripted_smtp_server(
            ("STARTTLS",), tls_context=server_tls, implicit_tls=tls is SmtpTls.IMPLICIT
        ) as server,
        a_provider(server.port, tls=tls, tls_context=stranger) as provider,
    ):
        with pytest.raises(TransientDeliveryError, match="certificate") as error:
            await provider.send(an_email())
        assert error.value.provider_failed
        assert not server.mails


async def test_a_refused_login_is_the_providers_failure(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async with (
        scripted_smtp_server(LOGIN, tls_context=server_tls, implicit_tls=True) as server,
        a_provider(
            server.port, tls=SmtpTls.IMPLICIT, tls_context=client_tls, password="wrong"
        ) as provider,
    ):
        with pytest.raises(TransientDeliveryError, match="login_refused") as error:
            await provider.send(an_email())
        assert error.value.provider_failed
        assert "wrong" not in str(error.value)
