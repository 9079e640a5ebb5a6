"""Where everything of a stack is reached, and the secrets its parts share."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from devstack.passwords import keep_password, write_private
from devstack.system_client import SystemUrls

SERVICES: Final = (
    "user-service",
    "template-service",
    "api-gateway",
    "relay",
    "email-service",
    "push-service",
)
DEFAULT_PORTS: Final = {
    "api-gateway": 8000,
    "relay": 8010,
    "user-service": 8001,
    "template-service": 8002,
    "email-service": 8003,
    "push-service": 8004,
    "inbox": 8025,
    "smtp": 1025,
    "smtp-b": 1026,
    "fcm": 8443,
}
ADMIN_EMAIL: Final = "admin@example.com"


@dataclass(frozen=True)
class StackSecrets:
    """What the parts of a stack share; made once per home and kept there, readable by us only."""

    admin_password: str
    jwt_private_key: str
    suppression_key: str
    service_tokens: dict[str, str]
    database_passwords: dict[str, str]

    @classmethod
    def kept_in(cls, folder: Path) -> "StackSecrets":
        """Read the secrets of a home, or make them."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(
            admin_password=keep_password(folder / "admin"),
            jwt_private_key=_keep_signing_key(folder / "jwt.pem"),
            suppression_key=keep_password(folder / "suppression"),
            service_tokens={
                name: keep_password(folder / f"service-{name}")
                for name in SERVICES
                if name != "relay"
            },
            database_passwords={
                name: keep_password(folder / f"database-{name}")
                for name in ("users", "templates", "notifications")
            },
        )


@dataclass(frozen=True)
class Addresses:
    """Where everything of a running stack is reached.

    `ports` holds a port on 127.0.0.1 for each name in `DEFAULT_PORTS`.
    """

    ports: dict[str, int]
    amqp_url: str
    redis_url: str
    users_database_url: str
    templates_database_url: str
    notifications_database_url: str
    service_account_file: Path
    fcm_ca_file: Path

    def url(self, name: str) -> str:
        """The http address of a service, or of the inbox."""
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def system_urls(self) -> SystemUrls:
        """The same for a client of the system."""
        return SystemUrls(
            gateway=self.url("api-gateway"),
            user_service=self.url("user-service"),
            template_service=self.url("template-service"),
            sandbox=self.url("inbox"),
        )


def new_signing_key() -> str:
    """A P-256 private key for access tokens, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def new_secret() -> str:
    """256 random bits, safe in URLs and shells."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def _keep_signing_key(path: Path) -> str:
    if not path.exists():
        write_private(path, new_signing_key())
    return path.read_text()
