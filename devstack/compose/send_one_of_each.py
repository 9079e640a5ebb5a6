"""Walks through a running system over HTTP as a client does: key, template, user, email, push.

Standard library only, so that it runs wherever docker does. Exits with 1 and one sentence when a
step is refused or something is not delivered in time.

    python3 devstack/compose/send_one_of_each.py --emails 1
"""

import argparse
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

_TEMPLATE: Final = Path(__file__).parents[2] / "template-service" / "demo" / "welcome_email.json"
_SCOPES: Final = (
    "notifications:send",
    "notifications:read",
    "templates:read",
    "templates:write",
    "users:read",
    "users:write",
)
_ANSWER_SECONDS: Final = 10
_DELIVERY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.2


class StepError(Exception):
    """A step was refused; the message says which and how."""


def call(
    method: str, url: str, body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Send JSON, return status and JSON; an HTTP error is an answer like any other."""
    request = urllib.request.Request(  # noqa: S310 - the addresses are our own
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


class Walk:
    """One walk, with a user and an API key of its own; addresses come from the environment."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._gateway = environment["GATEWAY_URL"] + "/api/v1"
        self._users = environment["USER_SERVICE_URL"] + "/api/v1"
        self._templates = environment["TEMPLATE_SERVICE_URL"] + "/api/v1"
        self._inbox = environment["INBOX_URL"] + "/api/v1"
        self._admin = {
            "email": environment["ADMIN_EMAIL"],
            "password": environment["ADMIN_PASSWORD"],
        }
        self._mark = secrets.token_hex(6)
        self._key: dict[str, str] = {}

    def prepare(self) -> str:
        """Make an API key, the template and a user; return the user's id."""
        session = self._ask("POST", f"{self._users}/auth/login", self._admin, 200)
        key = self._ask(
            "POST",
            f"{self._users}/api-keys",
            {"name": f"compose-{self._mark}", "scopes": _SCOPES},
            201,
            headers={"Authorization": f"Bearer {session['token']}"},
        )
        self._key = {"X-API-Key": key["key"]}
        # 409: an earlier walk made it.
        template = json.loads(_TEMPLATE.read_text())
        self._ask("POST", f"{self._templates}/templates", template, 201, 409)
        user = self._ask(
            "POST",
            f"{self._users}/users",
            {
                "name": "Ada Lovelace",
                "email": self._address,
                "push_token": f"device-{self._mark}",
                "preferences": {"email": True, "push": True},
            },
            201,
        )
        return str(user["user_id"])

    def send(self, user_id: str, channel: str, count: int) -> float:
        """Send `count` at once; return the seconds until the last one is delivered."""
        started = time.monotonic()
        waiting = [self._post(user_id, channel, number) for number in range(count)]
        while waiting:
            waiting = [each for each in waiting if not self._is_delivered(each)]
            if waiting and time.monotonic() - started > _DELIVERY_SECONDS:
                raise StepError(
                    f"After {_DELIVERY_SECONDS:.0f} s, {len(waiting)} of {count} {channel} "
                    f"notifications are not delivered, the first being {waiting[0]}."
                )
            time.sleep(_POLL_SECONDS if waiting else 0)
        return time.monotonic() - started

    def count_received(self) -> tuple[int, int]:
        """How many mails and pushes the sandbox has for this walk's user."""
        mails = self._search("search", f"to:{self._address}")["messages_count"]
        pushes = self._search("pushes", f"token:device-{self._mark}")["pushes_count"]
        return mails, pushes

    @property
    def _address(self) -> str:
        return f"ada.{self._mark}@example.com"

    def _post(self, user_id: str, channel: str, number: int) -> str:
        accepted = self._ask(
            "POST",
            f"{self._gateway}/notifications",
            {
                "notification_type": channel,
                "user_id": user_id,
                "template_code": json.loads(_TEMPLATE.read_text())["code"],
                "variables": {"name": "Ada", "link": "https://example.com/start"},
                "request_id": f"compose-{self._mark}-{channel}-{number}",
            },
            202,
        )
        return str(accepted["notification_id"])

    def _is_delivered(self, notification_id: str) -> bool:
        data = self._ask("GET", f"{self._gateway}/notifications/{notification_id}", None, 200)
        if data["status"] in {"pending", "delivered"}:
            return bool(data["status"] == "delivered")
        raise StepError(f"{notification_id} is {data['status']}: {data.get('reason')}.")

    def _search(self, path: str, query: str) -> Any:
        url = f"{self._inbox}/{path}?{urllib.parse.urlencode({'query': query, 'limit': 1})}"
        return call("GET", url)[1]

    def _ask(
        self,
        method: str,
        url: str,
        body: object,
        *statuses: int,
        headers: dict[str, str] | None = None,
    ) -> Any:
        status, answer = call(method, url, body, headers or self._key)
        if status not in statuses:
            raise StepError(f"{method} {url} was answered {status}: {json.dumps(answer)}")
        return answer["data"]


def main() -> int:
    """Walk once; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emails", type=int, default=1, help="how many to send at once")
    emails = parser.parse_args().emails
    try:
        walk = Walk(dict(os.environ))
        user_id = walk.prepare()
        email_seconds = walk.send(user_id, "email", emails)
        push_seconds = walk.send(user_id, "push", 1)
        received = walk.count_received()
    except KeyError as error:
        print(f"{error.args[0]} is not set.", file=sys.stderr)
        return 1
    except (StepError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if received != (emails, 1):
        print(f"The sandbox has {received}, not {(emails, 1)} mails and pushes.", file=sys.stderr)
        return 1
    print(
        f"delivered: {emails} by email in {email_seconds:.1f} s, 1 by push in {push_seconds:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
