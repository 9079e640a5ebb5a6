import pytest
from pydantic import ValidationError

from api_gateway.settings import RelaySettings, Settings

GATEWAY = {
    "DATABASE_URL": "postgresql+asyncpg://u:p@127.0.0.1/notifications",
    "REDIS_URL": "redis://127.0.0.1/0",
    "AMQP_URL": "amqp://u:p@127.0.0.1/",
    "USER_SERVICE_URL": "http://127.0.0.1:8001",
    "TEMPLATE_SERVICE_URL": "http://127.0.0.1:8002",
    "SERVICE_TOKEN": "api-gateway:secret",
}


def gateway(**changes: str) -> Settings:
    return Settings.model_validate({name.lower(): v for name, v in {**GATEWAY, **changes}.items()})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://u:p@127.0.0.1/notifications"),
        ("DATABASE_URL", "nonsense"),
        ("REDIS_URL", "127.0.0.1:6379"),
        ("AMQP_URL", "http://127.0.0.1"),
        ("USER_SERVICE_URL", "127.0.0.1:8001"),
        ("TEMPLATE_SERVICE_URL", "ftp://127.0.0.1"),
        ("SERVICE_TOKEN", "secret"),
        ("SERVICE_TOKEN", "user-service:secret"),
        ("SERVICE_TOKEN", "api-gateway:"),
        ("SERVICE_TOKENS", "email-service"),
        ("SERVICE_TOKENS", "email-service:a,:b"),
        ("RECONCILE_AFTER_SECONDS", "0"),
        ("RECONCILE_AFTER_SECONDS", "soon"),
    ],
)
def test_says_which_setting_cannot_be_used(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        gateway(**{name: value})
    assert [error["loc"] for error in caught.value.errors()] == [(name.lower(),)]


def test_takes_complete_settings_and_hides_the_secrets() -> None:
    shown = repr(gateway())
    assert "u:p@" not in shown
    assert "api-gateway:secret" not in shown


@pytest.mark.parametrize("name", GATEWAY)
def test_the_relay_checks_its_settings_likewise(name: str) -> None:
    values = {key.lower(): value for key, value in GATEWAY.items()}
    assert RelaySettings.model_validate(values).port == 8010
    with pytest.raises(ValidationError):
        RelaySettings.model_validate({**values, name.lower(): "nonsense"})


def test_a_silent_delivery_is_published_again_after_an_hour_unless_told_otherwise() -> None:
    values = {key.lower(): value for key, value in GATEWAY.items()}
    assert RelaySettings.model_validate(values).reconcile_after_seconds == 3600
    changed = {**values, "reconcile_after_seconds": "90"}
    assert RelaySettings.model_validate(changed).reconcile_after_seconds == 90


def test_no_service_may_report_unless_it_is_named() -> None:
    assert gateway().service_tokens is None
    named = gateway(SERVICE_TOKENS="email-service:secret-a,push-service:secret-b")
    assert "secret-a" not in repr(named)
    with pytest.raises(ValidationError, match="SERVICE_TOKENS still holds a placeholder"):
        gateway(SERVICE_TOKENS="email-service:change-me")


def test_the_history_is_kept_for_ninety_days_unless_told_otherwise() -> None:
    values = {key.lower(): value for key, value in GATEWAY.items()}
    assert RelaySettings.model_validate(values).history_retention_days == 90
    for days in ("0", "1", "36500"):
        changed = RelaySettings.model_validate({**values, "history_retention_days": days})
        assert changed.history_retention_days == int(days)


@pytest.mark.parametrize("days", ["-1", "36501", "a month", "1.5"])
def test_the_history_cannot_be_kept_for_such_a_time(days: str) -> None:
    values = {key.lower(): value for key, value in GATEWAY.items()}
    with pytest.raises(ValidationError, match="history_retention_days"):
        RelaySettings.model_validate({**values, "history_retention_days": days})
