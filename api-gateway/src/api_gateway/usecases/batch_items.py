"""What becomes of the items of a batch, as far as that is plain from what is known of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from api_gateway.domain.notification import Acceptance
from api_gateway.domain.request import IdempotencyKey, NotificationRequest
from api_gateway.usecases.accept_notification import (
    check_rate,
    in_flight_error,
    key_of,
    replay_of,
    reused_error,
)
from api_gateway.usecases.caller import Caller
from api_gateway.usecases.ports import (
    Answered,
    InFlight,
    Looked,
    NewNotification,
    StoredRequest,
    Unstorable,
)
from servicekit.errors import ServiceError, UnavailableError, UnprocessableContentError

_UNSTORABLE: Final = "A value of this item cannot be stored."


@dataclass(frozen=True)
class ItemResult:
    """What became of an item: an acceptance, or an error."""

    acceptance: Acceptance | None = None
    is_replay: bool = False
    error: ServiceError | None = None


@dataclass
class BatchItem:
    """An item on its way; `result` or `new` is there once it is decided."""

    request: NotificationRequest
    key: IdempotencyKey | None
    looked: Looked
    result: ItemResult | None = None
    new: NewNotification | None = None
    is_accepted: bool = False


def first_of_each_key(
    requests: Sequence[NotificationRequest | ServiceError], caller: Caller
) -> tuple[dict[int, tuple[NotificationRequest, IdempotencyKey | None]], dict[int, int]]:
    """The items to work on, by their numbers; and those that repeat an earlier one, with its."""
    firsts: dict[int, tuple[NotificationRequest, IdempotencyKey | None]] = {}
    repeats: dict[int, int] = {}
    seen: dict[IdempotencyKey, int] = {}
    for number, request in enumerate(requests):
        if isinstance(request, ServiceError):
            continue
        key = key_of(request, caller)
        if key is not None and key in seen:
            repeats[number] = seen[key]
            continue
        if key is not None:
            seen[key] = number
        firsts[number] = (request, key)
    return firsts, repeats


def known_result(item: BatchItem) -> ItemResult | None:
    """What is known of an item without deciding it.

    Raises:
        ServiceError: It is refused.
    """
    check_rate(item.looked.rate)
    match item.looked.key:
        case Answered(stored):
            return replayed(stored, item.request)
        case InFlight():
            raise in_flight_error(item.request)
    return None


def replayed(stored: StoredRequest, request: NotificationRequest) -> ItemResult:
    """What becomes of an item whose key was used before."""
    try:
        return ItemResult(replay_of(stored, request), is_replay=True)
    except ServiceError as error:
        return ItemResult(error=error)


def not_stored_error(outcome: Unstorable) -> ServiceError:
    """Why an item was not stored although others were."""
    if outcome.is_passing:
        return UnavailableError(outcome.reason)
    return UnprocessableContentError(_UNSTORABLE)


def results_of(
    items: dict[int, BatchItem],
    repeats: dict[int, int],
    requests: Sequence[NotificationRequest | ServiceError],
) -> tuple[ItemResult, ...]:
    """In the order of the requests."""
    results = {number: _result(item) for number, item in items.items()}
    for number, first in repeats.items():
        results[number] = _repeat(requests[number], items[first].request, results[first])
    for number, request in enumerate(requests):
        if isinstance(request, ServiceError):
            results[number] = ItemResult(error=request)
    return tuple(results[number] for number in range(len(requests)))


def _repeat(
    request: NotificationRequest | ServiceError, first: NotificationRequest, result: ItemResult
) -> ItemResult:
    """What becomes of an item that has the key of an earlier one."""
    assert isinstance(request, NotificationRequest)
    if request.fingerprint != first.fingerprint:
        return ItemResult(error=reused_error(request))
    return result if result.acceptance is None else replace(result, is_replay=True)


def _result(item: BatchItem) -> ItemResult:
    assert item.result is not None
    return item.result
