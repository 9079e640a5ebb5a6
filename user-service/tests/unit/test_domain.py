import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from samples import LATER, NOW, new_private_key, new_user

from contracts.notification import DeviceKind
from contracts.preferences import ChannelPreferences
from contracts.user_snapshot import DeviceAddress
from user_service.domain.api_key import KEY_BYTES, prefix_of, spell_key
from user_service.domain.email_address import canonical_email
from user_service.domain.signing_key import SigningKey
from user_service.domain.timezone import known_timezone
from user_service.domain.user_changes import UserChanges


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("john.doe+tag@example.com", "john.doe+tag@example.com"),
        ("John.Doe@Example.COM", "John.Doe@Example.COM"),
        ("john@inbox.test", "john@inbox.test"),
        ("john@bücher.example.com", "john@xn--bcher-kva.example.com"),
        ("john@BÜCHER.example.com", "john@xn--bcher-kva.example.com"),
        ("john@ｅxample.com", "john@example.com"),
    ],
)
def test_an_address_is_kept_as_given_in_ascii(given: str, stored: str) -> None:
    assert canonical_email(given) == stored


@pytest.mark.parametrize(
    "given",
    [
        "",
        "john",
        "john@",
        "john@localhost",
        "@example.com",
        "a@example.com,b@example.com",
        "a@example.com b@example.com",
        "John <john@example.com>",
        "john@example.com\r\nBcc: x@example.com",
        " john@example.com",
        "jöhn@example.com",
        "\u212aelvin@example.com",  # the Kelvin sign, which lower() makes a k
        "john@exam\u200bple.com\u0000",
        "a" * 250 + "@example.com",
    ],
)
def test_what_is_not_one_address_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"email|e-mail|address|domain|local|character|@"):
        canonical_email(given)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_time_zones_of_the_iana_database_are_known(name: str) -> None:
    assert known_timezone(name) == name


@pytest.mark.parametrize("name", ["", "utc", "Europe", "Mars/Olympus", "../UTC", "/etc/localtime"])
def test_other_time_zones_are_not_known(name: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        known_timezone(name)


def test_a_change_makes_the_next_row_version() -> None:
    user = new_user(push_token="token")
    changed = UserChanges(name="Bea", push_token=None, email_enabled=False).apply_to(user, LATER)
    assert (changed.name, changed.push_token, changed.email_enabled) == ("Bea", None, False)
    assert (changed.row_version, changed.updated_at, changed.created_at) == (2, LATER, NOW)
    assert (changed.email, changed.push_enabled) == (user.email, True)


def test_what_is_not_new_makes_no_version() -> None:
    user = new_user()
    assert UserChanges(name=user.name, push_token=None).apply_to(user, LATER) is user
    assert UserChanges().apply_to(user, LATER) is user


def test_a_snapshot_says_what_the_gateway_decides_by() -> None:
    user = new_user(push_token="token", email_enabled=False, row_version=3)
    snapshot = user.snapshot()
    assert (snapshot.user_id, snapshot.version, snapshot.email) == (user.id, 3, user.email)
    assert snapshot.preferences == ChannelPreferences(email=False, push=True)
    assert snapshot.devices == (DeviceAddress(kind=DeviceKind.FCM, token="token"),)
    assert new_user().snapshot().devices == ()


def test_secrets_of_a_user_are_not_in_its_repr() -> None:
    shown = repr(new_user(password_hash="a-hash", push_token="a-token"))
    assert "a-hash" not in shown
    assert "a-token" not in shown


def test_a_key_spells_its_random_bytes() -> None:
    random = bytes(range(KEY_BYTES))
    key = spell_key(random)
    assert key.startswith(prefix_of(key))
    assert base64.urlsafe_b64decode(key.removeprefix("nk_live_") + "=") == random


def test_the_key_id_is_the_thumbprint_of_the_public_key() -> None:
    jwk = SigningKey.from_pem(new_private_key()).public_jwk()
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(members, separators=(",", ":")).encode()
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=")
    assert jwk["kid"] == thumbprint.decode()
    assert {len(base64.urlsafe_b64decode(jwk[name] + "=")) for name in "xy"} == {32}


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"not a key",
        rsa.generate_private_key(65537, 2048).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
        ec.generate_private_key(ec.SECP384R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        ),
    ],
    ids=["empty", "text", "rsa", "p-384", "encrypted"],
)
def test_other_keys_are_refused(pem: bytes) -> None:
    with pytest.raises(ValueError, match="P-256"):
        SigningKey.from_pem(pem.decode())
