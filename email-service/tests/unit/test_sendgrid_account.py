"""Which accounts can be used, and that a key is not shown."""

import pytest

from email_service.adapters.sendgrid_account import SendGridAccount


@pytest.mark.parametrize(
    "url",
    [
        "https://api.sendgrid.com",
        "https://api.eu.sendgrid.com",
        "https://sandbox:8443",
        "http://127.0.0.1:8025",
        "http://localhost:8025",
    ],
)
def test_takes_addresses_where_the_key_is_safe(url: str) -> None:
    assert SendGridAccount("SG.key", url).base_url == url


@pytest.mark.parametrize(
    "url",
    ["http://api.sendgrid.com", "ftp://x", "https://", "https://x:0", "https://x:y", "https://ü"],
)
def test_refuses_an_address_that_would_show_the_key(url: str) -> None:
    with pytest.raises(ValueError, match="must be an https address"):
        SendGridAccount("SG.key", url)


@pytest.mark.parametrize("key", ["", "SG key", "SG.kéy", "SG.key\n"])
def test_refuses_a_key_that_is_none(key: str) -> None:
    with pytest.raises(ValueError, match="API key must be one word"):
        SendGridAccount(key)


def test_does_not_show_its_key() -> None:
    assert "SG.key" not in repr(SendGridAccount("SG.key"))
