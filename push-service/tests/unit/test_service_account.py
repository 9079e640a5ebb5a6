import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from service_account_keys import key_file, private_key_pem

from push_service.adapters.service_account import ServiceAccountError, parse_service_account


def test_reads_the_file_of_googles_console() -> None:
    account = parse_service_account(key_file())
    assert account.project_id == "demo-project"
    assert account.private_key == private_key_pem()
    assert "PRIVATE KEY" not in repr(account)


@pytest.mark.parametrize(
    "field", ["project_id", "private_key_id", "private_key", "client_email", "token_uri"]
)
@pytest.mark.parametrize("value", [None, "", " ", 5])
def test_names_the_field_that_is_missing(field: str, value: object) -> None:
    with pytest.raises(ServiceAccountError, match=f"no `{field}`"):
        parse_service_account(key_file(**{field: value}))


def elliptic_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "`type` is not `service_account`"),
        (json.dumps({"type": "authorized_user"}), "`type` is not `service_account`"),
        (key_file(private_key="-----BEGIN PRIVATE KEY-----\nAAAA"), "not a readable PEM key"),
        (key_file(private_key=elliptic_key()), "not an RSA key"),
        (key_file(project_id="../other"), "`project_id`"),
        (key_file(token_uri="http://example.com/token"), "must be an https address"),
        (key_file(token_uri="https://"), "must be an https address"),
        (key_file(token_uri="https://[half"), "must be an https address"),
        (key_file(token_uri="https://example.com:99999/"), "must be an https address"),
        (key_file(token_uri="https://example.com/\n"), "must be an https address"),
        (key_file(token_uri="ftp://localhost/token"), "must be an https address"),
    ],
)
def test_says_what_is_wrong_with_it(text: str, words: str) -> None:
    with pytest.raises(ServiceAccountError, match=words):
        parse_service_account(text)


def test_plain_http_is_for_this_machine() -> None:
    assert parse_service_account(key_file(token_uri="http://127.0.0.1:99/token")).token_uri
