"""The environment of each process of a stack: what docker-compose.yml says in its way."""

import os
from collections.abc import Mapping
from typing import Final

from devstack.addresses import ADMIN_EMAIL, Addresses, StackSecrets

_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE")


def inherited_environment() -> dict[str, str]:
    """What a process takes over from ours: enough to run, no setting of somebody else's."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def environment_of(
    service: str,
    addresses: Addresses,
    secrets: StackSecrets,
    overrides: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The settings of one of our processes.

    Args:
        service: One of `devstack.addresses.SERVICES`.
        addresses: Where the others are.
        secrets: What they share.
        overrides: Settings that a test wants otherwise.
    """
    common = {
        "ENVIRONMENT": "development",
        "HOST": "127.0.0.1",
        "PORT": str(addresses.ports[service]),
    }
    return {**common, **_own_settings(service, addresses, secrets), **(overrides or {})}


def _own_settings(service: str, addresses: Addresses, secrets: StackSecrets) -> dict[str, str]:
    match service:
        case "user-service":
            return {
                "DATABASE_URL": addresses.users_database_url,
                "REDIS_URL": addresses.redis_url,
                "AMQP_URL": addresses.amqp_url,
                "SUPPRESSION_KEY": secrets.suppression_key,
                "JWT_PRIVATE_KEY": secrets.jwt_private_key,
                "SERVICE_TOKENS": _tokens(secrets, "api-gateway", "template-service"),
                "ADMIN_EMAIL": ADMIN_EMAIL,
                "ADMIN_PASSWORD": secrets.admin_password,
            }
        case "template-service":
            return {
                "DATABASE_URL": addresses.templates_database_url,
                "REDIS_URL": addresses.redis_url,
                "USER_SERVICE_URL": addresses.url("user-service"),
                "SERVICE_TOKEN": _tokens(secrets, service),
                "SERVICE_TOKENS": _tokens(secrets, "api-gateway", "email-service", "push-service"),
            }
        case "api-gateway":
            return {
                "DATABASE_URL": addresses.notifications_database_url,
                "REDIS_URL": addresses.redis_url,
                "AMQP_URL": addresses.amqp_url,
                "USER_SERVICE_URL": addresses.url("user-service"),
                "TEMPLATE_SERVICE_URL": addresses.url("template-service"),
                "EMAIL_SERVICE_URL": addresses.url("email-service"),
                "SERVICE_TOKEN": _tokens(secrets, service),
                "SERVICE_TOKENS": _tokens(secrets, "email-service", "push-service"),
            }
        case "relay":
            return {
                "DATABASE_URL": addresses.notifications_database_url,
                "REDIS_URL": addresses.redis_url,
                "AMQP_URL": addresses.amqp_url,
                "USER_SERVICE_URL": addresses.url("user-service"),
                "TEMPLATE_SERVICE_URL": addresses.url("template-service"),
                "SERVICE_TOKEN": _tokens(secrets, "api-gateway"),
            }
        case "email-service":
            return {
                **_worker_settings(service, addresses, secrets),
                "SMTP_HOST": "127.0.0.1",
                "SMTP_PORT": str(addresses.ports["smtp"]),
                "SMTP_TLS": "none",
                "MAIL_FROM": "notifications@example.com",
                "MAIL_FROM_NAME": "Notifications",
            }
        case "push-service":
            return {
                **_worker_settings(service, addresses, secrets),
                "FCM_BASE_URL": f"https://localhost:{addresses.ports['fcm']}",
                "FCM_CA_FILE": str(addresses.fcm_ca_file),
                "FCM_SERVICE_ACCOUNT_FILE": str(addresses.service_account_file),
            }
    raise KeyError(service)


def _worker_settings(service: str, addresses: Addresses, secrets: StackSecrets) -> dict[str, str]:
    return {
        "AMQP_URL": addresses.amqp_url,
        "REDIS_URL": addresses.redis_url,
        "TEMPLATE_SERVICE_URL": addresses.url("template-service"),
        "SERVICE_TOKEN": _tokens(secrets, service),
        "SERVICE_TOKENS": _tokens(secrets, "api-gateway"),
        "SUPPRESSION_KEY": secrets.suppression_key,
        # Whoever tries the system out sends much, and to few.
        "RECIPIENT_HOURLY_LIMIT": "0",
    }


def _tokens(secrets: StackSecrets, *services: str) -> str:
    return ",".join(f"{name}:{secrets.service_tokens[name]}" for name in services)
