import pytest

from email_service.adapters.smtp_server import SmtpServer, SmtpTls


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "::1"])
def test_plain_text_may_stay_on_this_machine(host: str) -> None:
    assert SmtpServer(host, 25, "us.test", SmtpTls.NONE).create_tls_context() is None


def test_plain_text_to_elsewhere_must_be_allowed_explicitly() -> None:
    with pytest.raises(ValueError, match=r"SMTP to mail\.test would not be encrypted"):
        SmtpServer("mail.test", 25, "us.test", SmtpTls.NONE)
    server = SmtpServer("mailpit", 1025, "us.test", SmtpTls.NONE, allow_plaintext=True)
    assert server.create_tls_context() is None


def test_a_user_needs_a_password_and_the_reverse() -> None:
    with pytest.raises(ValueError, match="given together"):
        SmtpServer("mail.test", 587, "us.test", SmtpTls.STARTTLS, username="user")


def test_the_password_is_not_shown() -> None:
    server = SmtpServer("mail.test", 587, "us", SmtpTls.STARTTLS, username="u", password="hunter2")
    assert "hunter2" not in repr(server)


@pytest.mark.parametrize("host", ["", "mail test", "mail.test\r\nQUIT", "bücher.test"])
def test_a_host_that_is_not_a_name_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="SMTP host must be a host name"):
        SmtpServer(host, 587, "us.test", SmtpTls.STARTTLS)
