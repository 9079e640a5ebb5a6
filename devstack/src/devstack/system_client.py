"""A client of a running system, for the tour, the tests of the whole and the benchmarks.

It speaks the public HTTP interfaces and the sandbox's, nothing else.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.access import Scope
from devstack.errors import DevstackError
from servicekit.http_client import AsyncClient, HttpResponse

_POLL_SECONDS: Final = 0.1
_UNFINISHED: Final = frozenset({"pending", "scheduled"})


@dataclass(frozen=True)
class SystemUrls:
    """Where a system is reached; all without a trailing slash."""

    gateway: str
    user_service: str
    template_service: str
    sandbox: str


class UnexpectedAnswerError(DevstackError):
    """An answer of another status than the step needs."""


class SystemClient:
    """Calls a running system with one API key.

    Args:
        http: Its time-out bounds every call.
        urls: Where the system is.
        api_key: Sent with each call, once it is known.
    """

    def __init__(self, http: AsyncClient, urls: SystemUrls, api_key: str = "") -> None:
        self.http = http
        self.urls = urls
        self.api_key = api_key

    async def create_api_key(self, admin_email: str, admin_password: str, name: str) -> str:
        """Sign in as administrator and make a key with all scopes; it is used from then on."""
        answer = await self.http.post(
            f"{self.urls.user_service}/api/v1/auth/login",
            json={"email": admin_email, "password": admin_password},
        )
        token = _data(answer, 200, "signing in as the administrator")["token"]
        answer = await self.http.post(
            f"{self.urls.user_service}/api/v1/api-keys",
            json={"name": name, "scopes": [scope.value for scope in Scope]},
            headers={"Authorization": f"Bearer {token}"},
        )
        self.api_key = _data(answer, 201, "creating an API key")["key"]
        return self.api_key

    async def create_user(self, **fields: Any) -> dict[str, Any]:
        """Make a user; `name` and `email` at least."""
        answer = await self.request("POST", f"{self.urls.user_service}/api/v1/users", fields)
        return _data(answer, 201, "creating a user")

    async def update_user(self, user_id: str, **fields: Any) -> dict[str, Any]:
        """Change a user."""
        answer = await self.request(
            "PATCH", f"{self.urls.user_service}/api/v1/users/{user_id}", fields
        )
        return _data(answer, 200, "updating a user")

    async def create_template(self, body: Mapping[str, Any], *, may_exist: bool = False) -> None:
        """Make a template; with `may_exist`, one of this code is left as it is."""
        url = f"{self.urls.template_service}/api/v1/templates"
        answer = await self.request("POST", url, body)
        if not (may_exist and answer.status_code == 409):
            _data(answer, 201, f"creating the template {body.get('code')}")

    async def update_template(self, code: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Publish a new version of a template."""
        url = f"{self.urls.template_service}/api/v1/templates/{code}"
        return _data(await self.request("PUT", url, body), 200, f"updating the template {code}")

    async def post_notification(self, body: Mapping[str, Any]) -> HttpResponse:
        """Ask for a notification, whatever the answer."""
        return await self.request("POST", f"{self.urls.gateway}/api/v1/notifications", body)

    async def send(self, body: Mapping[str, Any]) -> str:
        """Ask for a notification and return its id.

        Raises:
            UnexpectedAnswerError: It was not answered 202.
        """
        answer = await self.post_notification(body)
        notification_id: str = _data(answer, 202, "sending")["notification_id"]
        return notification_id

    async def notification(self, notification_id: str) -> dict[str, Any]:
        """A notification with its deliveries and timeline."""
        url = f"{self.urls.gateway}/api/v1/notifications/{notification_id}"
        return _data(await self.request("GET", url), 200, "reading a notification")

    async def finished(self, notification_id: str, seconds: float) -> dict[str, Any]:
        """Wait until a notification is no longer pending.

        Raises:
            DevstackError: It still is, after so many seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            notification = await self.notification(notification_id)
            if notification["status"] not in _UNFINISHED:
                return notification
            if time.monotonic() > deadline:
                events = [event["event"] for event in notification["timeline"]]
                raise DevstackError(
                    f"The notification {notification_id} is still {notification['status']} after "
                    f"{seconds:.0f} s; its timeline: {', '.join(events)}."
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def mails_to(self, address: str) -> list[dict[str, Any]]:
        """The summaries of all mails to an address that the inbox holds."""
        answer = await self.http.get(
            f"{self.urls.sandbox}/api/v1/search", params={"query": f"to:{address}", "limit": 500}
        )
        _check(answer, 200, "searching the inbox")
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages

    async def mail(self, mail_id: str) -> dict[str, Any]:
        """One mail in full: `Subject`, `Text`, `HTML`, …"""
        answer = await self.http.get(f"{self.urls.sandbox}/api/v1/message/{mail_id}")
        _check(answer, 200, "reading a mail")
        mail: dict[str, Any] = answer.json()
        return mail

    async def mail_source(self, mail_id: str) -> bytes:
        """One mail as it was handed over."""
        answer = await self.http.get(f"{self.urls.sandbox}/api/v1/message/{mail_id}/raw")
        _check(answer, 200, "reading a mail")
        return answer.content

    async def pushes_to(self, token: str) -> list[dict[str, Any]]:
        """All pushes to a device that the sandbox holds."""
        answer = await self.http.get(
            f"{self.urls.sandbox}/api/v1/pushes", params={"query": f"token:{token}", "limit": 500}
        )
        _check(answer, 200, "reading the pushes")
        pushes: list[dict[str, Any]] = answer.json()["pushes"]
        return pushes

    async def handed_over(self, channel: str) -> list[dict[str, Any]]:
        """The sandbox's whole log of what it was handed on a channel, refused messages included."""
        answer = await self.http.get(
            f"{self.urls.sandbox}/sandbox/log", params={"channel": channel, "limit": 100_000}
        )
        _check(answer, 200, "reading the sandbox's log")
        entries: list[dict[str, Any]] = answer.json()["entries"]
        return entries

    async def set_failures(self, provider: str, rules: list[dict[str, Any]]) -> None:
        """Tell the sandbox how to fail from now on; an empty list heals it."""
        answer = await self.http.put(f"{self.urls.sandbox}/sandbox/failures/{provider}", json=rules)
        _check(answer, 200, "setting failures")

    async def request(
        self, method: str, url: str, body: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        """Any call with the API key."""
        return await self.http.request(
            method,
            url,
            json=dict(body) if body is not None else None,
            headers={"X-API-Key": self.api_key},
        )


def _check(answer: HttpResponse, status: int, doing: str) -> None:
    if answer.status_code != status:
        raise UnexpectedAnswerError(
            f"{doing.capitalize()} was answered {answer.status_code}: {answer.text}"
        )


def _data(answer: HttpResponse, status: int, doing: str) -> dict[str, Any]:
    _check(answer, status, doing)
    data: dict[str, Any] = answer.json()["data"]
    return data
