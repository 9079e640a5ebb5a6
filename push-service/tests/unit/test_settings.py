import pytest
from pydantic import ValidationError

from push_service.settings import Settings

GOOD = {
    "amqp_url": "amqp://user:pw@127.0.0.1/%2F",
    "redis_url": "redis://127.0.0.1/0",
    "template_service_url": "http://127.0.0.1:8002",
    "service_token": "push-service:abc",
    "suppression_key": "0123456789abcdef0123456789abcdef",
    "fcm_service_account_file": "/fcm/service-account.json",
}


def test_sends_to_google_unless_told_otherwise() -> None:
    assert Settings.model_validate(GOOD).fcm_base_url == "https://fcm.googleapis.com"


@pytest.mark.parametrize("url", ["https://sandbox:8443", "http://127.0.0.1:9", "http://[::1]:9"])
def test_takes_an_address_that_does_not_show_access_tokens(url: str) -> None:
    assert Settings.model_validate({**GOOD, "fcm_base_url": url}).fcm_base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://fcm.googleapis.com",
        "http://sandbox:8443",
        "fcm.googleapis.com",
        "https://",
        "https://sandbox:0",
        "https://sandbox:99999",
        "https://[half",
        "ftp://127.0.0.1",
        "https://sandbox:8443/\n",
    ],
)
def test_refuses_an_address_that_would_carry_access_tokens_in_the_clear(url: str) -> None:
    with pytest.raises(ValidationError, match="must be an https address") as caught:
        Settings.model_validate({**GOOD, "fcm_base_url": url})
    (error,) = caught.value.errors()
    assert error["loc"] == ("fcm_base_url",)
