"""FCM HTTP v1: `POST /v1/projects/{project}/messages:send`, with Google's answers.

The order is Google's: credentials, project, message; then the failures on command, then the device.
A push is stored and logged before its answer is sent.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.sandbox.failures.rule import FCM_STATUS, FailureRule
from devstack.sandbox.failures.rulebook import Rulebook
from devstack.sandbox.push.dead_tokens import DeadTokens
from devstack.sandbox.push.fcm_access import FcmAccess
from devstack.sandbox.push.fcm_message import FcmMessage, FcmReader
from devstack.sandbox.push.google_error import GoogleError, fcm_failure
from devstack.sandbox.push.pushbox import Pushbox
from devstack.sandbox.storage.handed_over_log import HandedOver, HandedOverLog
from devstack.sandbox.web.connection import drip, drop_connection, until_disconnect

_ERROR_CODE = {status: code for code, status in FCM_STATUS.items()}


class FcmApi:
    """Takes pushes for one project."""

    def __init__(
        self,
        *,
        access: FcmAccess,
        reader: FcmReader,
        pushbox: Pushbox,
        dead_tokens: DeadTokens,
        log: HandedOverLog,
        rulebook: Rulebook,
        new_name: Callable[[], str],
    ) -> None:
        self._access = access
        self._reader = reader
        self._pushbox = pushbox
        self._dead_tokens = dead_tokens
        self._log = log
        self._rulebook = rulebook
        self._new_name = new_name

    def routes(self) -> list[Route]:
        """The one route."""
        return [Route("/v1/projects/{project}/messages:send", self._send, methods=["POST"])]

    async def _send(self, request: Request) -> Response:
        body = await request.body()
        try:
            self._access.check(request.headers.get("authorization"), request.path_params["project"])
            message = self._reader.read(body)
            rule = self._rulebook.choose([message.target])
            if rule is not None:
                await _fail_early(rule)
            if message.target in self._dead_tokens:
                raise fcm_failure(404, "UNREGISTERED")
        except GoogleError as error:
            self._log.record(_refused(body, error))
            return JSONResponse(error.body(), error.code, error.headers)
        if rule is not None and rule.action in ("hang", "drop_before_accept"):
            self._log.record(_handed_over(message, 0, accepted=False, reason=rule.action))
            if rule.action == "hang":
                await until_disconnect(request)
            return await drop_connection(request)
        return await self._accept(request, message, rule)

    async def _accept(
        self, request: Request, message: FcmMessage, rule: FailureRule | None
    ) -> Response:
        project = request.path_params["project"]
        if message.validate_only:  # a dry run hands nothing over
            return JSONResponse({"name": f"projects/{project}/messages/fake_message_id"})
        name = f"projects/{project}/messages/{self._new_name()}"
        push = self._pushbox.add(name, message)
        silent = rule is not None and rule.action.endswith("_after_accept")
        self._log.record(
            _handed_over(message, 0 if silent else 200, accepted=True, push_id=push.id, name=name)
        )
        if rule is not None and silent:
            if rule.action == "hang_after_accept":
                await until_disconnect(request)
            return await drop_connection(request)
        answer = JSONResponse({"name": name})
        if rule is not None and rule.action == "drip":
            return drip(answer, rule.delay_seconds)
        return answer


async def _fail_early(rule: FailureRule) -> None:
    if rule.delay_seconds is not None and rule.action != "drip":
        await asyncio.sleep(rule.delay_seconds)
    if rule.action == "refuse":
        status = rule.status or FCM_STATUS.get(rule.error_code or "UNAVAILABLE", 503)
        code = rule.error_code or _ERROR_CODE.get(status)
        raise fcm_failure(status, code, rule.text, rule.retry_after)


def _handed_over(
    message: FcmMessage,
    code: int,
    *,
    accepted: bool,
    push_id: str | None = None,
    name: str | None = None,
    reason: str | None = None,
) -> HandedOver:
    return HandedOver(
        channel="push",
        provider="fcm",
        accepted=accepted,
        code=code,
        id=push_id,
        recipient=message.target,
        delivery_id=message.data.get("delivery_id"),
        notification_id=message.data.get("notification_id"),
        title=message.title or None,
        message_id=name,
        reason=reason,
    )


def _refused(body: bytes, error: GoogleError) -> HandedOver:
    """The log line of a refusal; the body may be anything, so only what is there is taken."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        request = None
    message = _object(_object(request).get("message"))
    data = _object(message.get("data"))
    targets = (message.get(kind) for kind in ("token", "fid", "topic", "condition"))
    return HandedOver(
        channel="push",
        provider="fcm",
        accepted=False,
        code=error.code,
        id=None,
        recipient=next((str(target) for target in targets if target), None),
        delivery_id=_text(data.get("delivery_id")),
        notification_id=_text(data.get("notification_id")),
        title=_text(_object(message.get("notification")).get("title")),
        reason=error.message,
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
