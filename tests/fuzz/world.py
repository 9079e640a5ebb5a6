"""What the fuzzed system holds: so that requests reach what is behind the first `not_found`."""

import asyncio
import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from contracts.access import Scope
from devstack.addresses import ADMIN_EMAIL, new_secret
from devstack.stack import Stack
from devstack.system_client import SystemClient
from devstack.tour import DEMO_TEMPLATE, create_demo_templates

MAIL_SERVER_TOKEN: Final = new_secret()

_SECONDS: Final = 60
_LETTERS: Final = 40
_PASSWORD: Final = "correct horse battery staple"
_REFUSING: Final = "refusing.example.com"
_VARIABLES: Final = {"name": "Grace", "link": "https://example.com/start"}


@dataclass(frozen=True)
class World:
    """Ids that exist and credentials that are valid.

    Attributes:
        in_address: For a parameter of this name, values that mean something.
        in_body: The same for a field; the last of them has its type.
        in_body_of: What is different in bodies of single paths.
        examples: For an id of the documentation's examples, one that exists.
        api_key: With all scopes.
        weak_api_key: With one scope, which few routes ask for.
        admin_token: A bearer token of the administrator.
        user_token: A bearer token of somebody else.
        service_tokens: The secret of each service that may call others.
        untouchable: What all of this rests on; it is only to be read.
    """

    api_key: str
    weak_api_key: str
    admin_token: str
    user_token: str
    service_tokens: dict[str, str]
    untouchable: list[str]
    in_address: dict[str, list[Any]]
    in_body: dict[str, list[Any]]
    in_body_of: dict[str, dict[str, list[Any]]]
    examples: dict[str, str]

    def write(self, path: Path) -> None:
        """For the hooks, which run in schemathesis' process."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "World":
        """What was written."""
        return cls(**json.loads(path.read_text()))


def new_webhook_key() -> str:
    """A public key as SendGrid shows it; nobody has its private one, so nothing is signed."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


async def create_world(stack: Stack, checkout: Path) -> World:
    """Make some of everything that there is."""
    async with stack.client() as http:
        system = SystemClient(http, stack.addresses.system_urls)
        await system.create_api_key(ADMIN_EMAIL, stack.secrets.admin_password, "fuzz")
        await create_demo_templates(system, checkout)
        return await _Maker(system).world(stack)


def _reportable(sent: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Of which notifications and deliveries a status can be reported."""
    return {
        "notification_id": [each["id"] for each in sent],
        "delivery_id": [None, *(each["deliveries"][0]["delivery_id"] for each in sent)],
    }


class _Maker:
    def __init__(self, system: SystemClient) -> None:
        self._system = system
        self._users = f"{system.urls.user_service}/api/v1"
        self._gateway = f"{system.urls.gateway}/api/v1"

    async def world(self, stack: Stack) -> World:
        admin = await self._sign_in(ADMIN_EMAIL, stack.secrets.admin_password)
        user, deaf, changed = [await self._user() for _ in range(3)]
        refusing = await self._user(_REFUSING)
        await self._system.update_user(deaf["id"], preferences={"email": False, "push": False})
        keys = [await self._api_key(Scope.NOTIFICATIONS_SEND) for _ in range(20)]
        weak = await self._api_key(Scope.TEMPLATES_READ)
        code = f"fuzzed_{uuid4().hex[:8]}"
        await self._system.create_template(
            {"code": code, "subject": "Hello {{ name }}", "body": "<p>Hello {{ name }}</p>"}
        )
        letters, failed = await self._dead_letters(refusing["id"])
        mails = [await self._sent(user["id"]) for _ in range(3)]
        pushes = [await self._sent(user["id"], notification_type="push") for _ in range(3)]
        today = datetime.now(UTC)
        times = [(today + timedelta(days=days)).isoformat() for days in (1, 20)]
        scheduled = [
            await self._system.send(self._to(user["id"], scheduled_at=times[0])) for _ in range(10)
        ]
        sent = [*mails, *pushes]
        notifications = [*(each["id"] for each in sent), *failed, *scheduled]
        users = [user["id"], deaf["id"], changed["id"]]
        return World(
            api_key=self._system.api_key,
            weak_api_key=weak["key"],
            admin_token=admin["token"],
            user_token=(await self._sign_in(user["email"], _PASSWORD))["token"],
            service_tokens={**stack.secrets.service_tokens, "mta": MAIL_SERVER_TOKEN},
            untouchable=[
                *(row["id"] for row in await self._page("api-keys") if row["name"] == "fuzz"),
                *(weak["id"], admin["user_id"], user["id"], deaf["id"], DEMO_TEMPLATE),
            ],
            in_address={
                "user_id": users,
                "notification_id": notifications,
                "batch_id": [await self._batch(user["id"])],
                "letter_id": letters,
                "job_id": [await self._job(letters[:1])],
                "key_id": [key["id"] for key in keys],
                "digest": [hashlib.sha256(key["key"].encode()).hexdigest() for key in keys],
                "code": [DEMO_TEMPLATE, code],
                "version": [1],
                "language": ["en"],
                "email": [changed["email"], f"{uuid4().hex}@example.com"],
            },
            in_body={
                "user_id": users,
                "user_ids": [users],
                "notification_id": notifications,
                "delivery_id": [None] + [each["deliveries"][0]["delivery_id"] for each in sent],
                "event_id": [str(uuid4()) for _ in range(10)],
                "ids": [[letter] for letter in letters],
                "code": [f"fuzzed_{uuid4().hex[:8]}" for _ in range(50)],
                "codes": [[DEMO_TEMPLATE, code]],
                "template_code": [DEMO_TEMPLATE, code],
                "variables": [_VARIABLES],
                "language": ["en", "pt-BR"],
                "timezone": ["UTC", "Europe/Berlin"],
                "email": [f"{uuid4().hex}@example.com" for _ in range(50)],
                "password": [_PASSWORD],
                "scheduled_at": [None, *times],
                "expires_at": [None, (today + timedelta(days=30)).isoformat()],
                "timestamp": [None, today.isoformat()],
            },
            in_body_of={
                "/api/v1/email/status": _reportable(mails),
                "/api/v1/push/status": _reportable(pushes),
            },
            examples={
                "018f2f6e-7c1a-7b1e-9c55-3f1a2b4c5d6e": user["id"],
                "018f2f6e-7c1a-7b1e-9c55-3f1a2b4c5d6f": deaf["id"],
                "notif_0193f1a07c1a7b1e9c553f1a2b4c5d6e": mails[0]["id"],
                "0193f1a0-7c1b-7d55-8f21-5b1f0c9e7a42": mails[0]["deliveries"][0]["delivery_id"],
            },
        )

    async def _user(self, domain: str = "example.com") -> dict[str, Any]:
        name = uuid4().hex
        return await self._system.create_user(
            name="Grace Hopper",
            email=f"{name}@{domain}",
            password=_PASSWORD,
            push_token=f"device-{name}",
        )

    async def _api_key(self, scope: Scope) -> dict[str, Any]:
        return await self._made("api-keys", {"name": "spare", "scopes": [scope]}, self._users)

    async def _sign_in(self, email: str, password: str) -> dict[str, Any]:
        return await self._made("auth/login", {"email": email, "password": password}, self._users)

    async def _dead_letters(self, user_id: str) -> tuple[list[str], list[str]]:
        """Ids of dead letters, and of their notifications."""
        await self._system.set_failures("smtp", [{"status": 550, "recipient": f"*@{_REFUSING}"}])
        sent = await asyncio.gather(*(self._sent(user_id) for _ in range(_LETTERS)))
        failed = [each["id"] for each in sent]
        found = await self._page("admin/dead-letters", self._gateway)
        return [row["id"] for row in found], failed

    async def _sent(self, user_id: str, **fields: Any) -> dict[str, Any]:
        notification_id = await self._system.send(self._to(user_id, **fields))
        return await self._system.finished(notification_id, _SECONDS)

    def _to(self, user_id: str, **fields: Any) -> dict[str, Any]:
        return {
            "notification_type": "email",
            "user_id": user_id,
            "template_code": DEMO_TEMPLATE,
            "variables": _VARIABLES,
            **fields,
        }

    async def _batch(self, user_id: str) -> str:
        items = {"notifications": [self._to(user_id)] * 2}
        made = await self._made("notifications/batch", items, self._gateway)
        return str(made["batch_id"])

    async def _job(self, letters: list[str]) -> str:
        made = await self._made("admin/dead-letters/discard", {"ids": letters}, self._gateway)
        return str(made["id"])

    async def _made(self, path: str, body: dict[str, Any], base: str) -> dict[str, Any]:
        answer = await self._system.request("POST", f"{base}/{path}", body)
        assert answer.status_code in {200, 201, 202}, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def _page(self, path: str, base: str | None = None) -> list[dict[str, Any]]:
        answer = await self._system.request("GET", f"{base or self._users}/{path}?limit=100")
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["data"]
        return rows
