"""`POST /v3/mail/send`, with SendGrid's answers.

The order is SendGrid's: key, body; then the failures on command. A mail is stored and logged before
its answer is sent, and lies in the same inbox as those that came by SMTP.
"""

import asyncio
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.sandbox.failures.rule import FailureRule
from devstack.sandbox.failures.rulebook import Rulebook
from devstack.sandbox.inbox.mail import MailHeaders
from devstack.sandbox.inbox.mailbox import Mailbox
from devstack.sandbox.sendgrid.mail_composition import compose
from devstack.sandbox.sendgrid.mail_reader import read_mail_request
from devstack.sandbox.sendgrid.mail_request import MailRequest, Personalization
from devstack.sandbox.sendgrid.sendgrid_error import SendGridError, failure, unauthorized
from devstack.sandbox.sendgrid.sent_mails import SentMail, SentMails
from devstack.sandbox.storage.handed_over_log import HandedOver, HandedOverLog
from devstack.sandbox.web.connection import drip_whole, drop_connection, until_disconnect

_BEFORE_ACCEPT = ("hang", "drop_before_accept")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailApi:
    """Takes mails from who shows the key."""

    api_key: str
    mailbox: Mailbox
    sent_mails: SentMails
    log: HandedOverLog
    rulebook: Rulebook
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def routes(self) -> list[Route]:
        """The one route."""
        return [Route("/v3/mail/send", self._send, methods=["POST"])]

    async def _send(self, request: Request) -> Response:
        body = await request.body()
        try:
            self._check_key(request.headers.get("authorization", ""))
            mail = read_mail_request(request.headers.get("content-type", ""), body)
            rule = self.rulebook.choose(_addresses(mail))
            if rule is not None:
                await self._fail_early(rule)
        except SendGridError as error:
            self._record_refusal(body, error)
            return JSONResponse(error.body(), error.status, error.headers)
        if rule is not None and rule.action in _BEFORE_ACCEPT:
            for personalization in mail.personalizations:
                self._record(mail, personalization, 0, reason=rule.action)
            return await _end_without_answer(request, rule)
        if mail.is_test:
            return Response(status_code=200)
        silent = rule is not None and rule.action.endswith("_after_accept")
        message_id = self._accept(mail, 0 if silent else 202)
        if rule is not None and silent:
            return await _end_without_answer(request, rule)
        answer = Response(status_code=202, headers={"X-Message-Id": message_id})
        if rule is not None and rule.action == "drip":
            return await drip_whole(request, answer, rule.delay_seconds)
        return answer

    def _check_key(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            key.strip().encode(), self.api_key.encode()
        ):
            raise unauthorized()

    async def _fail_early(self, rule: FailureRule) -> None:
        if rule.delay_seconds is not None and rule.action != "drip":
            await asyncio.sleep(rule.delay_seconds)
        if rule.action == "refuse":
            now = self.now().timestamp()
            raise failure(rule.status or 503, rule.text, rule.retry_after, now)

    def _accept(self, mail: MailRequest, code: int) -> str:
        message_id = self.new_id()
        for personalization in mail.personalizations:
            raw = compose(mail, personalization, message_id=message_id, now=self.now())
            sender = (personalization.sender or mail.sender).email
            recipients = [recipient.email for recipient in personalization.recipients]
            stored, headers = self.mailbox.add(raw, sender, recipients)
            smtp_id = f"<{message_id}@geopod-ismtpd-0>"
            args = mail.custom_args_of(personalization)
            for recipient in recipients:
                self.sent_mails.add(SentMail(message_id, recipient, args, smtp_id))
            self._record(mail, personalization, code, mail_id=stored.id, headers=headers)
        return message_id

    def _record(
        self,
        mail: MailRequest,
        personalization: Personalization,
        code: int,
        *,
        mail_id: str | None = None,
        headers: MailHeaders | None = None,
        reason: str | None = None,
    ) -> None:
        """One line per recipient; accepted where the mail was stored."""
        wanted = {name.lower(): value for name, value in mail.headers_of(personalization).items()}
        args = mail.custom_args_of(personalization)
        message_id = headers.text("Message-ID") if headers else wanted.get("message-id", "")
        for recipient in personalization.recipients:
            self.log.record(
                HandedOver(
                    channel="email",
                    provider="sendgrid",
                    accepted=mail_id is not None,
                    code=code,
                    id=mail_id,
                    recipient=recipient.email,
                    delivery_id=args.get("delivery_id") or wanted.get("x-delivery-id"),
                    notification_id=args.get("notification_id") or wanted.get("x-notification-id"),
                    title=personalization.subject or mail.subject,
                    message_id=message_id.strip("<>") or None,
                    reason=reason,
                )
            )

    def _record_refusal(self, body: bytes, error: SendGridError) -> None:
        """The log line of a refusal; the body may be anything, so only what is there is taken."""
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            request = None
        first = _object(_first(_object(request).get("personalizations")))
        args = {
            **_object(_object(request).get("custom_args")),
            **_object(first.get("custom_args")),
        }
        self.log.record(
            HandedOver(
                channel="email",
                provider="sendgrid",
                accepted=False,
                code=error.status,
                id=None,
                recipient=_text(_object(_first(first.get("to"))).get("email")),
                delivery_id=_text(args.get("delivery_id")),
                notification_id=_text(args.get("notification_id")),
                title=_text(_object(request).get("subject")),
                reason=str(error),
            )
        )


async def _end_without_answer(request: Request, rule: FailureRule) -> Response:
    if rule.action.startswith("hang"):
        await until_disconnect(request)
    return await drop_connection(request)


def _addresses(mail: MailRequest) -> list[str]:
    return [who.email for part in mail.personalizations for who in part.recipients]


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
