"""`.devstack/run.env`: the running stack's addresses and keys, in shell syntax, for scripts."""

import shlex
from pathlib import Path

from devstack.addresses import ADMIN_EMAIL
from devstack.passwords import write_private
from devstack.stack import Stack
from devstack.tour import TourResult


def write_run_env(path: Path, stack: Stack, tour: TourResult) -> None:
    """Write the file; it holds secrets, so that only its owner can read it."""
    write_private(path, render(variables_of(stack, tour)))


def variables_of(stack: Stack, tour: TourResult) -> dict[str, str]:
    """Every variable of the file."""
    addresses = stack.addresses
    return {
        "GATEWAY_URL": addresses.url("api-gateway"),
        "USER_SERVICE_URL": addresses.url("user-service"),
        "TEMPLATE_SERVICE_URL": addresses.url("template-service"),
        "EMAIL_SERVICE_URL": addresses.url("email-service"),
        "PUSH_SERVICE_URL": addresses.url("push-service"),
        "INBOX_URL": addresses.url("inbox"),
        "PUSH_SANDBOX_URL": addresses.url("inbox"),
        "API_KEY": tour.api_key,
        "ADMIN_EMAIL": ADMIN_EMAIL,
        "ADMIN_PASSWORD": stack.secrets.admin_password,
        "DEMO_USER_ID": tour.user_id,
        "AMQP_URL": addresses.amqp_url,
        "REDIS_URL": addresses.redis_url,
        "USERS_DATABASE_URL": addresses.users_database_url,
        "TEMPLATES_DATABASE_URL": addresses.templates_database_url,
        "NOTIFICATIONS_DATABASE_URL": addresses.notifications_database_url,
    }


def render(variables: dict[str, str]) -> str:
    """Shell syntax: `. .devstack/run.env` sets and exports them."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(lines) + "\n"
