"""Turns a post of SendGrid's event webhook into events of deliveries.

Nothing of a post is read before its signature has been verified.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from contracts.outcome import DeliveryOutcome
from email_service.domain.sendgrid_custom_args import ForeignEventError
from email_service.domain.sendgrid_event import outcome_of_event
from servicekit.errors import MalformedRequestError, UnauthenticatedError
from servicekit.logs import get_logger

_log = get_logger(__name__)

Publish = Callable[[Sequence[DeliveryOutcome]], Awaitable[None]]


class Signatures(Protocol):
    """Recognises SendGrid's posts."""

    def are_valid(self, timestamp: str, signature: str, body: bytes) -> bool:
        """Whether SendGrid signed this body at this time, and not too long ago."""
        ...


@dataclass(frozen=True, slots=True)
class SignedPost:
    """A post as it came; headers that are missing are empty."""

    timestamp: str
    signature: str
    body: bytes


@dataclass(frozen=True, slots=True)
class EventCount:
    """What a post's events were.

    Attributes:
        recorded: Of our deliveries.
        passed_over: Of kinds that are not recorded.
        foreign: About no mail of ours, or not readable.
    """

    recorded: int
    passed_over: int
    foreign: int


class RecordSendGridEvents:
    """Verifies, reads and publishes.

    Args:
        signatures: Recognises SendGrid's posts.
        suppression_key: Of the addresses' digests, shared with user-service.
    """

    def __init__(self, signatures: Signatures, suppression_key: bytes) -> None:
        self._signatures = signatures
        self._suppression_key = suppression_key

    async def __call__(self, post: SignedPost, publish: Publish, correlation_id: str) -> EventCount:
        """Record what a post says; saying it again changes nothing.

        An event that is not ours refuses nothing: SendGrid would repeat the whole post for a day.

        Args:
            post: From SendGrid, perhaps.
            publish: Returns when the broker has the events.
            correlation_id: For events that did not bring back their mail's own.

        Raises:
            UnauthenticatedError: The signature is not SendGrid's, or too old.
            MalformedRequestError: It is signed, and no list of events.
            UnavailableError: The broker does not take events now.
        """
        if not self._signatures.are_valid(post.timestamp, post.signature, post.body):
            _log.warning("sendgrid.signature_refused", bytes=len(post.body))
            msg = "The post is not signed by the key in SENDGRID_WEBHOOK_PUBLIC_KEY, or is too old."
            raise UnauthenticatedError(msg)
        outcomes: dict[object, DeliveryOutcome] = {}
        passed_over = foreign = 0
        for event in _events(post.body):
            try:
                outcome = outcome_of_event(event, self._suppression_key, correlation_id)
            except ForeignEventError:
                foreign += 1
                continue
            if outcome is None:
                passed_over += 1
            else:
                outcomes[outcome.event_id] = outcome
        if outcomes:
            await publish(list(outcomes.values()))
        count = EventCount(len(outcomes), passed_over, foreign)
        _log.info(
            "sendgrid.events_recorded",
            recorded=count.recorded,
            passed_over=count.passed_over,
            foreign=count.foreign,
        )
        return count


def _events(body: bytes) -> list[dict[str, Any]]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = "The post is not valid JSON."
        raise MalformedRequestError(msg) from error
    if not isinstance(document, list) or not all(isinstance(event, dict) for event in document):
        msg = "The post is not a list of events."
        raise MalformedRequestError(msg)
    return document
