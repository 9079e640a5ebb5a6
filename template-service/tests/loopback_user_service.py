"""user-service as far as this service sees it, as a real HTTP server on 127.0.0.1."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk

from contracts.access import ApiKeyRecord, Role
from servicekit.tokens import AUDIENCE, ISSUER, sign_access_token

SERVICE_TOKEN = "template-service:shown-to-others"


class LoopbackUserService:
    """Publishes its keys, and knows API keys by digest; both only to who shows our token."""

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
        self.jwks = {"keys": [{**public, "kid": "k1", "use": "sig"}]}
        self.api_keys: dict[str, ApiKeyRecord] = {}
        self.url = ""

    def access_token(self, role: Role, *, seconds: int = 60) -> str:
        """A token as sign-in hands it out."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(uuid.uuid4()), "role": role.value}
        times = {"iat": now - 120, "exp": now + seconds, "jti": uuid.uuid4().hex}
        return sign_access_token({**claims, **times}, self._private_pem, "k1")

    def answer(self, path: str, service_token: str | None) -> tuple[int, object]:
        """Status and body."""
        if service_token != SERVICE_TOKEN:
            return 401, {"success": False}
        if path == "/api/v1/auth/jwks.json":
            return 200, self.jwks
        record = self.api_keys.get(path.removeprefix("/api/v1/api-keys/by-digest/"))
        if record is None:
            return 404, {"success": False}
        return 200, {"success": True, "data": record.model_dump(mode="json")}


@contextmanager
def serve(service: LoopbackUserService) -> Iterator[LoopbackUserService]:
    """Serve on a port of its own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = service.answer(self.path, self.headers.get("X-Service-Token"))
            payload = json.dumps(body).encode()
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
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
