"""Release the notifications whose time has come: decide again, and have them wait for their turn.

Safe to run in any number of relays: each takes others than the rest, and what was cancelled, or
released by somebody whose lease had ended, is left alone.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from api_gateway.domain.notification import Notification
from api_gateway.domain.release import Release, decide_release
from api_gateway.usecases.accept_notification import stale_note
from api_gateway.usecases.found_in_bulk import find_many
from api_gateway.usecases.ports import (
    CachedTemplate,
    CachedUser,
    Categories,
    TemplateDirectory,
    UserDirectory,
)
from api_gateway.usecases.relay_ports import Schedule
from contracts.category import CategoryCatalogue
from servicekit.logs import get_logger

_log = get_logger(__name__)

BATCH: Final = 500


class ReleaseScheduled:
    """Releases one batch after another.

    Args:
        schedule: Where they wait.
        users: Finds recipients.
        templates: Finds templates.
        categories: What they can be about.
        now: The time, in UTC.
        new_id: A fresh UUIDv7.
    """

    def __init__(
        self,
        *,
        schedule: Schedule,
        users: UserDirectory,
        templates: TemplateDirectory,
        categories: Categories,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._schedule = schedule
        self._users = users
        self._templates = templates
        self._categories = categories
        self._now = now
        self._new_id = new_id

    async def __call__(self) -> int:
        """Release one batch; returns how many were due.

        Of whom nothing can be said now, the notifications stay leased, and are due again when the
        lease ends.

        Raises:
            UnavailableError: The database is away.
        """
        due = await self._schedule.lease_due(BATCH)
        if not due:
            return 0
        users, no_users = await find_many(self._users.find_many, {one.user_id for one in due})
        templates, no_templates = await find_many(
            self._templates.find_many, {one.template_code for one in due}
        )
        ready = [
            one
            for one in due
            if one.user_id not in no_users and one.template_code not in no_templates
        ]
        if left := len(due) - len(ready):
            _log.warning("schedule.not_decided", count=left)
        catalogue = await self._categories.current()
        releases = [
            self._decide(one, users.get(one.user_id), templates.get(one.template_code), catalogue)
            for one in ready
        ]
        if releases:
            await self._schedule.release(releases)
        return len(due)

    def _decide(
        self,
        waiting: Notification,
        user: CachedUser | None,
        template: CachedTemplate | None,
        catalogue: CategoryCatalogue,
    ) -> Release:
        release = decide_release(
            waiting,
            None if user is None else user.value,
            None if template is None else template.value,
            self._now(),
            self._new_id,
            catalogue,
        )
        return replace(release, note=release.note or stale_note(user, template))
