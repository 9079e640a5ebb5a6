import pytest
from pydantic import ValidationError

from template_service.settings import Settings

GOOD = {
    "database_url": "postgresql+asyncpg://templates:x@127.0.0.1/templates",
    "redis_url": "redis://127.0.0.1:6379/0",
    "user_service_url": "http://127.0.0.1:8001",
    "service_token": "template-service:abc",
    "service_tokens": "api-gateway:def,email-service:ghi",
}


def test_takes_complete_settings_and_hides_secrets() -> None:
    settings = Settings.model_validate(GOOD)
    assert settings.port == 8002
    assert "abc" not in repr(settings)
    assert "templates:x" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("database_url", "postgresql://templates:x@127.0.0.1/templates", r"postgresql\+asyncpg://"),
        ("redis_url", "127.0.0.1:6379", "redis://"),
        ("user_service_url", "user-service", "URL"),
        ("service_token", "abc", "template-service:<token>"),
        ("service_token", "user-service:abc", "template-service:<token>"),
        ("service_tokens", "api-gateway", "service:token"),
        ("service_tokens", "api-gateway:change-me", "placeholder"),
    ],
)
def test_says_what_is_wrong(name: str, value: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings.model_validate({**GOOD, name: value})
