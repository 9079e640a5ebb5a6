"""What an operator may write, and what is said of what cannot be used."""

from pathlib import Path
from typing import Any

import pytest
from email_deliveries import NOON
from scripted_sendgrid import SENDER
from sendgrid_posts import SendGridKey

from email_service.adapters.sendgrid_provider import SendGridProvider
from email_service.adapters.sendgrid_settings import (
    SendGridSettings,
    sendgrid_provider,
    sendgrid_signatures,
)
from servicekit.settings import ConfigurationError


def provider_of(**given: Any) -> SendGridProvider:
    return sendgrid_provider(
        SendGridSettings.model_validate(given),
        SENDER,
        lambda: NOON,
        timeout_seconds=14.4,
        max_connections=4,
    )


async def test_a_key_is_enough() -> None:
    provider = provider_of(sendgrid_api_key="SG.key")
    assert provider.name == "sendgrid"
    await provider.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "SENDGRID_API_KEY is not set"),
        ({"sendgrid_api_key": "two words"}, "SENDGRID_API_KEY or SENDGRID_BASE_URL"),
        (
            {"sendgrid_api_key": "SG.key", "sendgrid_base_url": "http://api.sendgrid.com"},
            "must be an https address",
        ),
    ],
)
def test_names_the_variable_that_is_missing_or_wrong(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as error:
        provider_of(**given)
    assert "two words" not in str(error.value)


def test_names_the_ca_file_that_cannot_be_read(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    for content in (None, "no certificate"):
        if content:
            broken.write_text(content)
        with pytest.raises(ConfigurationError, match="SENDGRID_CA_FILE"):
            provider_of(sendgrid_api_key="SG.key", sendgrid_ca_file=str(broken))


def test_reads_the_keys_of_the_webhook() -> None:
    key = SendGridKey()
    settings = SendGridSettings(sendgrid_webhook_public_key=key.public_text)
    signatures = sendgrid_signatures(settings, lambda: NOON)
    post = key.sign(b"[]")
    assert signatures is not None
    assert signatures.are_valid(post.timestamp, post.signature, post.body)


def test_without_a_key_there_is_nothing_to_verify_with() -> None:
    assert sendgrid_signatures(SendGridSettings(), lambda: NOON) is None


def test_names_the_key_that_is_none() -> None:
    settings = SendGridSettings(sendgrid_webhook_public_key="change-me")
    with pytest.raises(ConfigurationError, match="SENDGRID_WEBHOOK_PUBLIC_KEY"):
        sendgrid_signatures(settings, lambda: NOON)
