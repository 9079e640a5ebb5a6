"""Explain what would become of a notification. Nothing is stored, sent or reserved."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from api_gateway.domain.admission import Deferred, Rejected, WaitReason
from api_gateway.domain.explanation import (
    Explanation,
    Note,
    NoteCode,
    Reason,
    explain_admission,
    reasons_of,
)
from api_gateway.domain.request import NotificationRequest
from api_gateway.usecases.explanation_ports import CopyDirectory, HeadlineRenderer
from api_gateway.usecases.ports import Admission, Categories
from contracts.error_codes import ErrorCode
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.errors import RateLimitedError, UnavailableError

_STALE_USER: Final = Note(
    NoteCode.STALE_USER, "user-service does not answer: this is the user as last seen."
)
_STALE_TEMPLATE: Final = Note(
    NoteCode.STALE_TEMPLATE, "template-service does not answer: this is the template as last seen."
)
_QUIET_HOURS: Final = Note(
    NoteCode.QUIET_HOURS, "It would wait for the end of the user's quiet hours."
)
_DECIDED_AGAIN: Final = Note(
    NoteCode.DECIDED_AGAIN,
    "It is decided again at its time, with what is true of the user and the template then.",
)


@dataclass(frozen=True)
class ExplainedNotification:
    """An explanation with what only others can say.

    Attributes:
        explanation: What would be decided, and why.
        headline: The rendered subject or title; None: it cannot be rendered, or not now.
        notes: What there is to know beside the reasons.
    """

    explanation: Explanation
    headline: str | None
    notes: tuple[Note, ...]


class ExplainNotification:
    """Explains notifications.

    Args:
        users: Finds recipients.
        templates: Finds templates.
        categories: What they can be about.
        renderer: Renders the headline.
        admission: Refuses while too much waits.
        now: The time, in UTC.
    """

    def __init__(
        self,
        *,
        users: CopyDirectory[UUID, UserSnapshot],
        templates: CopyDirectory[str, TemplateSnapshot],
        categories: Categories,
        renderer: HeadlineRenderer,
        admission: Admission,
        now: Callable[[], datetime],
    ) -> None:
        self._users = users
        self._templates = templates
        self._categories = categories
        self._renderer = renderer
        self._admission = admission
        self._now = now

    async def __call__(self, request: NotificationRequest, client_id: str) -> ExplainedNotification:
        """Explain one request of a caller.

        Raises:
            UnavailableError: The user or the template cannot be had now, so nothing can be said.
        """
        user, template = await asyncio.gather(
            self._users.find_copy(request.user_id),
            self._templates.find_copy(request.template_code),
        )
        explanation = self._with_overload(
            explain_admission(
                user.value if user else None,
                template.value if template else None,
                request,
                self._now(),
                await self._categories.current(),
            ),
            client_id,
        )
        notes = []
        if user is not None and user.is_stale:
            notes.append(_STALE_USER)
        if template is not None and template.is_stale:
            notes.append(_STALE_TEMPLATE)
        if isinstance(explanation.decision, Deferred):
            if explanation.decision.reason is WaitReason.QUIET_HOURS:
                notes.append(_QUIET_HOURS)
            notes.append(_DECIDED_AGAIN)
        rendered = await self._render(explanation, request)
        return ExplainedNotification(
            rendered.explanation, rendered.headline, (*notes, *rendered.notes)
        )

    def _with_overload(self, explanation: Explanation, client_id: str) -> Explanation:
        try:
            self._admission.check(client_id)
        except (RateLimitedError, UnavailableError) as error:
            refusal = Rejected(error.code, error.message)
            reasons = (*reasons_of(refusal), *explanation.reasons)
            return replace(explanation, decision=refusal, reasons=reasons)
        return explanation

    async def _render(
        self, explanation: Explanation, request: NotificationRequest
    ) -> ExplainedNotification:
        content = explanation.content
        if content is None or not explanation.is_renderable:
            return ExplainedNotification(explanation, None, ())
        try:
            rendered = await self._renderer.render(
                request.template_code,
                content.live.version,
                content.language,
                request.notification_type,
                request.variables,
            )
        except UnavailableError as error:
            note = Note(NoteCode.NOT_RENDERED, f"It could not be rendered: {error.message}")
            return ExplainedNotification(explanation, None, (note,))
        if rendered.problem is not None:
            failed = Reason(ErrorCode.RENDER_FAILED, rendered.problem, "variables")
            later = (*explanation.later_reasons, failed)
            return ExplainedNotification(replace(explanation, later_reasons=later), None, ())
        return ExplainedNotification(explanation, rendered.headline, ())
