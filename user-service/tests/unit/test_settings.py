import pytest
from pydantic import ValidationError
from samples import new_private_key

from servicekit.settings import load_settings
from user_service.settings import Settings

PEM = new_private_key()
GOOD = {
    "database_url": "postgresql+asyncpg://u:p@localhost/users",
    "redis_url": "redis://localhost/0",
    "amqp_url": "amqp://guest:guest@localhost/",
    "suppression_key": "k" * 32,
    "jwt_private_key": PEM,
    "service_tokens": "api-gateway:secret",
}


def settings(**values: str) -> Settings:
    return Settings.model_validate({**GOOD, **values})


def test_the_port_is_8001_and_nobody_is_made_administrator() -> None:
    assert settings().port == 8001
    assert settings().admin_email is None


def test_a_key_on_one_line_is_read() -> None:
    one_line = settings(jwt_private_key=PEM.replace("\n", "\\n"))
    assert one_line.jwt_private_key.get_secret_value() == PEM


def test_no_secret_is_in_the_repr() -> None:
    shown = repr(settings(admin_email="a@example.com", admin_password="secret word"))
    for secret in ("u:p@", "guest", "kkkk", "secret", "PRIVATE KEY"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"database_url": "postgresql://localhost/users"}, "postgresql+asyncpg://"),
        ({"redis_url": "localhost"}, "redis://"),
        ({"jwt_private_key": "secret"}, "P-256"),
        ({"amqp_url": "localhost"}, "amqp://"),
        ({"suppression_key": "k" * 31}, "at least 32 bytes"),
        ({"suppression_key": "change-me" * 4}, "placeholder"),
        ({"service_tokens": "secret"}, "service:token"),
        ({"service_tokens": "api-gateway:change-me"}, "placeholder"),
        ({"admin_email": "a@example.com"}, "ADMIN_PASSWORD"),
        ({"admin_password": "long enough"}, "ADMIN_EMAIL"),
        ({"admin_email": "a@example.com", "admin_password": "short"}, "8 to 256"),
        ({"admin_email": "nobody", "admin_password": "long enough"}, "@"),
        ({"database_pool_size": "0"}, "greater than"),
    ],
)
def test_a_wrong_setting_is_explained(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**wrong)
    assert said in "; ".join(error["msg"] for error in caught.value.errors())


def test_missing_settings_end_the_start_with_78(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_settings(Settings, "user-service")
    assert caught.value.code == 78
    assert "DATABASE_URL is not set" in capsys.readouterr().err
