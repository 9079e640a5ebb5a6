"""Accept a batch: each item decided, stored and answered by itself, in one transaction.

An item that cannot be accepted costs the others nothing, and repeating the whole batch sends
nothing twice: items are recognised by their own ids or, where the batch has a key, by their place.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from api_gateway.domain.admission import Rejected, decide_admission
from api_gateway.domain.batch import Batch
from api_gateway.domain.request import IdempotencyKey, NotificationRequest
from api_gateway.usecases.accept_notification import (
    stale_note,
    wanted_by,
)
from api_gateway.usecases.batch_items import (
    BatchItem,
    ItemResult,
    first_of_each_key,
    known_result,
    not_stored_error,
    replayed,
    results_of,
)
from api_gateway.usecases.caller import Caller
from api_gateway.usecases.found_in_bulk import find_many
from api_gateway.usecases.new_notification import error_of, new_notification
from api_gateway.usecases.ports import (
    Admission,
    BatchStore,
    CachedTemplate,
    CachedUser,
    Categories,
    OutboxPublisher,
    RateState,
    Reservations,
    Reserved,
    StoredRequest,
    TemplateDirectory,
    Unstorable,
    UserDirectory,
)
from servicekit.errors import ServiceError, UnavailableError

KeyT = TypeVar("KeyT", bound=Hashable)

Found = tuple[dict[UUID, CachedUser], dict[str, CachedTemplate], dict[UUID | str, UnavailableError]]


@dataclass(frozen=True)
class AcceptedBatch:
    """What to answer.

    Attributes:
        results: In the order of the items.
        rate: Where the caller stands after the last item, where they have a rate.
    """

    batch_id: UUID
    results: tuple[ItemResult, ...]
    rate: RateState | None = None


class AcceptBatch:
    """Accepts batches.

    Args:
        users: Finds recipients.
        templates: Finds templates.
        categories: What they can be about.
        reservations: Keeps equal concurrent requests apart, and callers to their rate.
        store: Where they are stored.
        publisher: Publishes what was stored.
        admission: Refuses while too much waits.
        now: The time, in UTC.
        new_id: A fresh UUIDv7.
    """

    def __init__(
        self,
        *,
        users: UserDirectory,
        templates: TemplateDirectory,
        categories: Categories,
        reservations: Reservations,
        store: BatchStore,
        publisher: OutboxPublisher,
        admission: Admission,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._users = users
        self._templates = templates
        self._categories = categories
        self._reservations = reservations
        self._store = store
        self._publisher = publisher
        self._admission = admission
        self._now = now
        self._new_id = new_id

    async def __call__(
        self, requests: Sequence[NotificationRequest | ServiceError], caller: Caller, batch_id: UUID
    ) -> AcceptedBatch:
        """Accept what can be accepted.

        Args:
            requests: The items; an error stands for one that cannot be read.
            caller: Who asks.
            batch_id: A fresh one, or that of the batch which this one repeats.

        Raises:
            RateLimitedError: Too much of the caller's waits; nothing was stored.
            UnavailableError: The database is away, or too much waits; nothing was stored.
        """
        self._admission.check(caller.client_id)
        firsts, repeats = first_of_each_key(requests, caller)
        items = await self._look_up(firsts, caller)
        try:
            await self._decide(items, caller, batch_id)
            batch = self._batch(items, repeats, requests, caller, batch_id)
            await self._store_all(items, batch)
        finally:
            await self._release_all(items.values())
        results = results_of(items, repeats, requests)
        rejected = sum(result.error is not None for result in results)
        if rejected != batch.rejected:  # what only PostgreSQL could say
            await self._store.correct_batch(batch, rejected)
        rates = [item.looked.rate for item in items.values() if item.looked.rate is not None]
        return AcceptedBatch(
            batch_id,
            results,
            min(rates, key=lambda rate: (-rate.retry_after, rate.remaining), default=None),
        )

    async def _look_up(
        self, firsts: dict[int, tuple[NotificationRequest, IdempotencyKey | None]], caller: Caller
    ) -> dict[int, BatchItem]:
        looked = await asyncio.gather(
            *(
                self._reservations.look_up(wanted_by(request, caller, key))
                for request, key in firsts.values()
            )
        )
        return {
            number: BatchItem(request, key, each)
            for (number, (request, key)), each in zip(firsts.items(), looked, strict=True)
        }

    async def _decide(self, items: dict[int, BatchItem], caller: Caller, batch_id: UUID) -> None:
        """Decide each item; what is to be stored is in `new`, everything else in `result`."""
        for item in items.values():
            try:
                item.result = known_result(item)
            except ServiceError as error:
                item.result = ItemResult(error=error)
        open_items = [item for item in items.values() if item.result is None]
        users, templates, away = await self._find(open_items)
        catalogue = await self._categories.current()
        now = self._now()
        for item in open_items:
            request = item.request
            trouble = away.get(request.user_id) or away.get(request.template_code)
            if trouble is not None:
                item.result = ItemResult(error=trouble)
                continue
            user, template = users.get(request.user_id), templates.get(request.template_code)
            decision = decide_admission(
                None if user is None else user.value,
                None if template is None else template.value,
                request,
                now,
                catalogue,
            )
            if isinstance(decision, Rejected):
                item.result = ItemResult(error=error_of(decision))
                continue
            item.new = new_notification(
                request,
                caller,
                decision,
                item.key,
                now=now,
                new_id=self._new_id,
                goes_at_once=self._publisher.goes_at_once,
                batch_id=batch_id,
                note=stale_note(user, template),
            )
        # Of those too that Redis says are being served, or are over the rate this time.
        await self._find_earlier(list(items.values()))

    async def _find(self, items: Sequence[BatchItem]) -> Found:
        """Users and templates of these items, and those of whom nothing can be said now."""
        users = _fresh((item.request.user_id, item.looked.user) for item in items)
        templates = _fresh((item.request.template_code, item.looked.template) for item in items)
        more_users, more_templates = await asyncio.gather(
            find_many(
                self._users.find_many,
                {item.request.user_id for item in items} - users.keys(),
            ),
            find_many(
                self._templates.find_many,
                {item.request.template_code for item in items} - templates.keys(),
            ),
        )
        away: dict[UUID | str, UnavailableError] = {}
        away.update(more_users[1].items())
        away.update(more_templates[1].items())
        return users | more_users[0], templates | more_templates[0], away

    async def _find_earlier(self, items: Sequence[BatchItem]) -> None:
        """What was accepted once stays accepted, though it could not be now."""
        refused = {
            item.key: item
            for item in items
            if item.key is not None and item.result is not None and item.result.error is not None
        }
        if not refused:
            return
        for key, stored in (await self._store.find_requests(list(refused))).items():
            refused[key].result = replayed(stored, refused[key].request)

    def _batch(
        self,
        items: dict[int, BatchItem],
        repeats: dict[int, int],
        requests: Sequence[NotificationRequest | ServiceError],
        caller: Caller,
        batch_id: UUID,
    ) -> Batch:
        unread = sum(isinstance(request, ServiceError) for request in requests)
        refused = {number for number, item in items.items() if item.result and item.result.error}
        refused |= {number for number, first in repeats.items() if first in refused}
        rejected = unread + len(refused)
        return Batch(batch_id, caller.client_id, self._now(), len(requests), rejected)

    async def _store_all(self, items: dict[int, BatchItem], batch: Batch) -> None:
        to_store = [item for item in items.values() if item.new is not None]
        news = [item.new for item in to_store if item.new is not None]
        stored = await self._store.store_batch(batch, news)
        answers = []
        for item, outcome in zip(to_store, stored, strict=True):
            if isinstance(outcome, StoredRequest):
                item.result = replayed(outcome, item.request)
                continue
            if isinstance(outcome, Unstorable):
                item.result = ItemResult(error=not_stored_error(outcome))
                continue
            item.is_accepted = True
            item.result = ItemResult(outcome.acceptance)
            self._publisher.offer(outcome.outbox)
            if item.key is not None and item.new is not None:
                answers.append((item.key, StoredRequest(item.new.fingerprint, outcome.acceptance)))
        await asyncio.gather(*(self._reservations.answered(*answer) for answer in answers))

    async def _release_all(self, items: Iterable[BatchItem]) -> None:
        """Free the keys that were reserved for what was not accepted."""
        await asyncio.gather(
            *(
                self._reservations.release(item.key, item.looked.key)
                for item in items
                if item.key and isinstance(item.looked.key, Reserved) and not item.is_accepted
            )
        )


CopyT = TypeVar("CopyT", CachedUser, CachedTemplate)


def _fresh(copies: Iterable[tuple[KeyT, CopyT | None]]) -> dict[KeyT, CopyT]:
    return {key: copy for key, copy in copies if copy is not None and not copy.is_stale}
