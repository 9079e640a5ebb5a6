"""Mailpit's REST API over the mailbox, so that docker compose can run Mailpit in its place.

Paths, field names and answers follow server/apiv1 of axllent/mailpit.
"""

import asyncio
import json
from collections import OrderedDict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from devstack.sandbox.inbox.mail import Mail
from devstack.sandbox.inbox.mail_document import (
    MailDigest,
    MailDocument,
    body_has,
    describe,
    digest,
    summarize,
)
from devstack.sandbox.inbox.mail_search import matches, parse_query
from devstack.sandbox.inbox.mailbox import Mailbox
from devstack.sandbox.web.paging import BadPageError, read_page

DIGESTS_KEPT = 2000
BODIES_AT_ONCE = 20  # at most 10 ms of parsing between two turns of the loop
# What a mail's HTML may do in the reader: show itself. No script, no request to anywhere.
MAIL_HTML_POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
)


class MailpitApi:
    """The routes under `/api/v1/messages`, `/api/v1/search`, `/api/v1/message/…` and `/view/…`."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._digests: OrderedDict[str, MailDigest] = OrderedDict()

    def routes(self) -> list[Route]:
        """All routes of the mail half."""
        one = "/api/v1/message/{id}"
        return [
            Route("/api/v1/messages", self._list, methods=["GET"]),
            Route("/api/v1/messages", self._delete, methods=["DELETE"]),
            Route("/api/v1/search", self._search, methods=["GET"]),
            Route(one, self._show, methods=["GET"]),
            Route(one + "/raw", self._raw, methods=["GET"]),
            Route(one + "/headers", self._headers, methods=["GET"]),
            Route("/view/{id}.html", self._html, methods=["GET"]),
        ]

    async def _list(self, request: Request) -> Response:
        return self._page(request, list(self._mailbox.newest_first()), len(self._mailbox))

    async def _search(self, request: Request) -> Response:
        query = request.query_params.get("query", "").strip()
        if not query:
            return PlainTextResponse("Error: no search query", 400)
        terms = parse_query(query)
        mails = list(self._mailbox.newest_first())
        reads_bodies = any(not term.field for term in terms)
        found = []
        for number, mail in enumerate(mails):
            if matches(mail, terms, self._body_has):
                found.append(mail)
            if reads_bodies and number % BODIES_AT_ONCE == 0:
                await asyncio.sleep(0)  # let the others go on; a thread would outlive SIGTERM
        return self._page(request, found, len(mails))

    async def _show(self, request: Request) -> Response:
        mail = self._mailbox.find(request.path_params["id"])
        if mail is None:
            return _not_found()
        mail.read = True
        return JSONResponse(describe(mail, MailDocument(self._mailbox.raw(mail))))

    async def _raw(self, request: Request) -> Response:
        mail = self._mailbox.find(request.path_params["id"])
        if mail is None:
            return _not_found()
        return PlainTextResponse(self._mailbox.raw(mail))

    async def _headers(self, request: Request) -> Response:
        mail = self._mailbox.find(request.path_params["id"])
        if mail is None:
            return _not_found()
        return JSONResponse(MailDocument(self._mailbox.raw(mail)).headers)

    async def _html(self, request: Request) -> Response:
        mail = self._mailbox.find(request.path_params["id"])
        if mail is None:
            return _not_found()
        html = MailDocument(self._mailbox.raw(mail)).html
        return Response(
            html,
            media_type="text/html",
            headers={"Content-Security-Policy": MAIL_HTML_POLICY},
        )

    async def _delete(self, request: Request) -> Response:
        body = await request.body()
        try:
            ids = json.loads(body)["IDs"] if body.strip() else []
        except (ValueError, KeyError, TypeError):
            return PlainTextResponse('Error: the body must be {"IDs": [...]} or empty', 400)
        if not isinstance(ids, list) or not all(isinstance(mail_id, str) for mail_id in ids):
            return PlainTextResponse("Error: IDs must be a list of strings", 400)
        if ids:
            self._mailbox.remove(ids)
        else:
            self._mailbox.clear()
        return PlainTextResponse("ok")

    def _body_has(self, mail: Mail, words: str) -> bool:
        return body_has(self._mailbox.raw(mail), words)

    def _digest(self, mail: Mail) -> MailDigest:
        """The digest of a mail, kept for the lists that somebody refreshes every two seconds."""
        known = self._digests.get(mail.id)
        if known is None:
            known = self._digests[mail.id] = digest(MailDocument(self._mailbox.raw(mail)))
            if len(self._digests) > DIGESTS_KEPT:
                self._digests.popitem(last=False)
        return known

    def _page(self, request: Request, found: list[Mail], total: int) -> Response:
        try:
            page = read_page(request.query_params)
        except BadPageError as error:
            return PlainTextResponse(f"Error: {error}", 400)
        shown = [summarize(mail, self._digest(mail)) for mail in page.of(found)]
        answer: dict[str, Any] = {
            "total": total,
            "unread": self._mailbox.unread(),
            "count": len(shown),
            "messages_count": len(found),
            "messages_unread": sum(1 for mail in found if not mail.read),
            "start": page.start,
            "tags": [],
            "messages": shown,
        }
        return JSONResponse(answer)


def _not_found() -> Response:
    return PlainTextResponse("404 page not found", 404)
