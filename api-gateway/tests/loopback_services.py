"""user- and template-service as far as the gateway sees them, as one real server on 127.0.0.1."""

import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk

from contracts.access import ApiKeyRecord, Role, Scope
from contracts.category import CategoryCatalogue
from contracts.template_rendering import RenderedHeadline
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.authentication import digest_of
from servicekit.tokens import AUDIENCE, ISSUER, sign_access_token

SERVICE_TOKEN = "api-gateway:shown-to-others"


class LoopbackServices:
    """Answers snapshots, public keys and API keys by digest, to who shows the gateway's token."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._private_pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        public_pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        public = jwk.construct(public_pem.decode(), "ES256").to_dict()
        self.answers: dict[str, tuple[int, object]] = {
            "/api/v1/auth/jwks.json": (200, {"keys": [{**public, "kid": "k1", "use": "sig"}]})
        }
        self.asked: Counter[str] = Counter()
        self.questions: dict[str, Any] = {}
        """By path, the body that was posted there last."""
        self.is_free = threading.Event()
        """Not set: it takes requests and answers none."""
        self.is_free.set()
        self.url = ""

    def has_user(self, user: UserSnapshot) -> UserSnapshot:
        self._have(f"/api/v1/users/{user.user_id}/snapshot", user.model_dump(mode="json"))
        return user

    def has_template(self, template: TemplateSnapshot) -> TemplateSnapshot:
        path = f"/api/v1/templates/{template.code}/snapshot"
        self._have(path, template.model_dump(mode="json"))
        return template

    def has_categories(self, catalogue: CategoryCatalogue) -> None:
        self._have("/api/v1/categories/catalogue", catalogue.model_dump(mode="json"))

    def renders(
        self, code: str, version: int, *, headline: str | None = None, problem: str | None = None
    ) -> str:
        """Answer so whatever the values are; returns the path."""
        path = f"/api/v1/templates/{code}/versions/{version}/render"
        self._have(path, RenderedHeadline(headline=headline, problem=problem).model_dump())
        return path

    def api_key(
        self, *scopes: Scope, is_active: bool = True, rate_per_minute: int | None = None
    ) -> dict[str, str]:
        """The headers of a call with a new key that has these scopes."""
        key = secrets.token_urlsafe(32)
        record = ApiKeyRecord(
            id=uuid4(),
            name="test",
            version=1,
            scopes=frozenset(scopes),
            is_active=is_active,
            rate_limit_per_minute=rate_per_minute,
        )
        path = f"/api/v1/api-keys/by-digest/{digest_of(key)}"
        self._have(path, record.model_dump(mode="json"))
        return {"X-API-Key": key}

    def bearer(self, user_id: UUID, role: Role = Role.USER, seconds: int = 60) -> dict[str, str]:
        """The headers of a call by a person, as sign-in lets them make it."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(user_id), "role": role.value}
        times = {"iat": now - 120, "exp": now + seconds, "jti": uuid4().hex}
        token = sign_access_token({**claims, **times}, self._private_pem, "k1")
        return {"Authorization": f"Bearer {token}"}

    def answer(self, path: str, service_token: str | None) -> tuple[int, object]:
        """Status and body."""
        self.asked[path] += 1
        if service_token != SERVICE_TOKEN:
            return 401, {"success": False}
        return self.answers.get(path, (404, {"success": False}))

    def answer_many(self, path: str, question: Mapping[str, list[str]]) -> tuple[int, object]:
        """Status and body: the single answers to all that are named."""
        self.asked[path] += 1
        [keys] = question.values()
        folder = path.removesuffix("snapshots")
        answers = [self.answers.get(f"{folder}{key}/snapshot") for key in keys]
        data = [body["data"] for _, body in filter(None, answers) if isinstance(body, dict)]
        return 200, {"success": True, "message": "Here they are.", "data": data}

    def _have(self, path: str, data: object) -> None:
        self.answers[path] = (200, {"success": True, "message": "Here it is.", "data": data})


@contextmanager
def serve(services: LoopbackServices) -> Iterator[LoopbackServices]:
    """Serve on a port of its own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(*services.answer(self.path, self.headers.get("X-Service-Token")))

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            if self.path.endswith("/snapshots"):
                self._send(*services.answer_many(self.path, question))
            else:
                services.questions[self.path] = question
                self.do_GET()

        def _send(self, status: int, body: object) -> None:
            services.is_free.wait()
            payload = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests' output is not its log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    services.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield services
    finally:
        services.is_free.set()
        server.shutdown()
        thread.join()
        server.server_close()
