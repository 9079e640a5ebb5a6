"""The text of the files that the private RabbitMQ boots from. Pure: it renders, others write."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

USER = "notifications"
_OURS = ("load_definitions", "listeners.", "definitions.", "log.")


def hash_password(password: str, salt: bytes) -> str:
    """Hash as rabbit_password_hashing_sha256 does: base64(salt + sha256(salt + password)).

    `salt` has 4 bytes (rabbitmq.com/docs/passwords).
    """
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()


def render_definitions(topology: str, password: str, salt: bytes) -> str:
    """Return the JSON of the shared `topology` with our one user added.

    The user may configure nothing: the definitions own the topology, services declare nothing.
    Raises ValueError when `topology` is not a JSON object.
    """
    definitions: Any = json.loads(topology)
    if not isinstance(definitions, dict):
        raise ValueError("the definitions are not a JSON object")
    user = {
        "name": USER,
        "password_hash": hash_password(password, salt),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [],
    }
    permission = {"user": USER, "vhost": "/", "configure": "^$", "write": ".*", "read": ".*"}
    merged = {
        **definitions,
        "users": [*definitions.get("users", []), user],
        "permissions": [*definitions.get("permissions", []), permission],
    }
    return json.dumps(merged, indent=2) + "\n"


def render_rabbitmq_conf(definitions: Path, shared: str) -> str:
    """Return rabbitmq.conf: the shared keys, except those that only a private server can know."""
    kept = [line for line in shared.splitlines() if not line.strip().startswith(_OURS)]
    own = [f"load_definitions = {definitions}", "log.console.level = info"]
    return "\n".join([*kept, *own, ""])
