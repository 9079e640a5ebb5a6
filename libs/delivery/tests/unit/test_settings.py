"""A worker's settings: what is wrong is said before anything starts."""

import pytest
from pydantic import ValidationError

from delivery.settings import WorkerSettings

GOOD = {
    "port": "8003",
    "amqp_url": "amqp://user:hunter2@127.0.0.1:5672/%2F",
    "redis_url": "redis://:hunter2@127.0.0.1:6379/0",
    "template_service_url": "http://template-service:8002",
    "service_token": "email-service:hunter2",
    "suppression_key": "hunter2-and-so-on-to-32-bytes-and-more",
}


def test_takes_complete_settings_and_hides_secrets() -> None:
    settings = WorkerSettings.model_validate(GOOD)
    assert settings.port == 8003
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("amqp_url", "http://rabbitmq:5672", "must begin with amqp://"),
        ("amqp_url", "amqp://user:x@rabbitmq:99999/", "must be amqp://user:password@host:port/"),
        ("redis_url", "127.0.0.1:6379", "must begin with redis://"),
        ("template_service_url", "template-service", "valid URL"),
        ("service_token", "hunter2", "must be <service>:<token>"),
        ("service_token", "email-service:", "must be <service>:<token>"),
        ("suppression_key", "hunter2", "must have at least 32 bytes"),
    ],
)
def test_says_what_is_wrong(name: str, value: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        WorkerSettings.model_validate({**GOOD, name: value})
