"""The admin API of dead letters as one gateway would answer it, without a server."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx

LETTER: dict[str, Any] = {
    "id": "01993f5e-7c1a-7b1e-9c55-3f1a2b4c5d6e",
    "delivery_id": "01993f5e-0000-7b1e-9c55-3f1a2b4c5d6e",
    "generation": 0,
    "notification_id": "notif_01993f5e00007b1e9c553f1a2b4c5d6e",
    "notification_type": "email",
    "client_id": "application:1",
    "template_code": "welcome_email",
    "recipient": "j***@example.com",
    "reason": "retries_exhausted",
    "detail": "451 later",
    "received_at": "2026-11-21T01:02:03.456789Z",
    "state": "open",
    "closed_at": None,
    "closed_by": None,
    "job_id": None,
}
EXAMINED: dict[str, Any] = {
    **LETTER,
    "headers": {"x-dead-reason": "retries_exhausted"},
    "message": {"recipient": "john@example.com", "variables": {"name": "Jörg"}},
    "message_base64": None,
    "message_note": None,
    "attempts": [
        {
            "event": "failed",
            "status": "failed",
            "at": "2026-11-21T01:02:03Z",
            "delivery_id": LETTER["delivery_id"],
            "generation": 0,
            "attempt": 6,
            "provider": "smtp-a",
            "provider_message_id": None,
            "reply_code": "451 4.3.0",
            "latency_ms": 12.5,
            "reason": "smtp_451",
            "detail": "later",
            "next_attempt_at": None,
        }
    ],
}
JOB: dict[str, Any] = {
    "id": "01993f60-7c1a-7b1e-9c55-3f1a2b4c5d6e",
    "action": "replay",
    "selection": {"all": True},
    "until": "2026-11-21T01:02:03Z",
    "requested_by": "application:1",
    "created_at": "2026-11-21T01:02:03Z",
    "total": 4,
    "done": 0,
    "skipped": 0,
    "state": "running",
    "finished_at": None,
}
COUNT: dict[str, Any] = {
    "action": "replay",
    "total": 4,
    "by_reason": [{"reason": "timeout", "count": 3}, {"reason": "poison", "count": 1}],
    "by_template": [{"template_code": None, "count": 4}],
}
Answer = httpx.Response | Exception


def page(*rows: dict[str, Any], total: int | None = None, number: int = 1) -> httpx.Response:
    meta = {"total": len(rows) if total is None else total, "limit": 20, "page": number}
    meta |= {"total_pages": 3, "has_next": False, "has_previous": False}
    return httpx.Response(
        200, json={"success": True, "message": "", "data": list(rows), "meta": meta}
    )


def data(value: dict[str, Any], status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"success": True, "message": "", "data": value})


def refusal(status: int, message: str, *details: dict[str, str]) -> httpx.Response:
    body = {"success": False, "message": message, "error": "x", "details": list(details)}
    return httpx.Response(status, json=body)


class ScriptedGateway:
    """Gives the answers it was told to, one at a call, the last for ever; notes what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.queries: list[dict[str, list[str]]] = []
        self.bodies: list[bytes] = []

    def http(self) -> httpx.AsyncClient:
        handle: Callable[[httpx.Request], httpx.Response] = self._handle
        return httpx.AsyncClient(
            transport=httpx.MockTransport(handle), base_url="http://gateway.example:8000"
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, request.url.path))
        self.queries.append(parse_qs(request.url.query.decode()))
        self.bodies.append(request.content)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer
