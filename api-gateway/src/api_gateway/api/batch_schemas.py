"""Batches as clients write and read them."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from api_gateway.api.examples import ACCEPTED_BATCH, BATCH
from api_gateway.domain.batch import MAX_ITEMS, BatchProgress, BatchStatus
from api_gateway.domain.identifiers import public_batch_id, public_notification_id
from api_gateway.usecases.accept_batch import AcceptedBatch
from api_gateway.usecases.batch_items import ItemResult
from contracts.envelope import ErrorDetail
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus


class SendBatch(BaseModel):
    """Up to 1,000 notifications; each is what `POST /notifications` takes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "notifications": [
                    {
                        "notification_type": "email",
                        "user_id": "018f2f6e-7c1a-7b1e-9c55-3f1a2b4c5d6e",
                        "template_code": "welcome_email",
                        "variables": {"name": "John"},
                        "request_id": "welcome-1",
                    },
                    {
                        "notification_type": "push",
                        "user_id": "018f2f6e-7c1a-7b1e-9c55-3f1a2b4c5d6f",
                        "template_code": "welcome_email",
                        "variables": {"name": "Jane"},
                        "request_id": "welcome-2",
                    },
                ]
            }
        },
    )

    # Items are validated one by one, so that a wrong one costs the others nothing.
    notifications: list[Any] = Field(min_length=1, max_length=MAX_ITEMS)


class BatchItemView(BaseModel):
    """What became of one item: `notification_id` and `status`, or `error`.

    `success` is false also for what was stored and will not be sent, for a reason of the
    recipient's; then both are there.
    """

    success: bool
    request_id: str | None
    notification_id: str | None = None
    status: NotificationStatus | None = None
    created_at: datetime | None = None
    replayed: bool = Field(default=False, description="It had been accepted before.")
    error: ErrorCode | None = Field(
        default=None,
        description="As sending one would be answered, `rate_limited` and "
        "`dependency_unavailable` included.",
    )
    message: str | None = None
    details: list[ErrorDetail] | None = None

    @classmethod
    def of(cls, request_id: str | None, result: ItemResult) -> Self:
        """Show a result."""
        if result.error is not None:
            return cls(
                success=False,
                request_id=request_id,
                error=result.error.code,
                message=result.error.message,
                details=result.error.details,
            )
        acceptance = result.acceptance
        assert acceptance is not None
        return cls(
            success=acceptance.error is None,
            request_id=request_id,
            notification_id=public_notification_id(acceptance.notification_id),
            status=acceptance.status,
            created_at=acceptance.created_at,
            replayed=result.is_replay,
            error=acceptance.error,
        )


class AcceptedBatchView(BaseModel):
    """What a caller is told at once; `results` are in the order of the items."""

    model_config = ConfigDict(json_schema_extra={"example": ACCEPTED_BATCH})

    batch_id: str
    total: int
    accepted: int = Field(description="Stored by this request.")
    replayed: int = Field(description="Stored by an earlier request.")
    rejected: int
    results: list[BatchItemView]

    @classmethod
    def of(cls, accepted: AcceptedBatch, request_ids: list[str | None]) -> Self:
        """Show an accepted batch."""
        results = [
            BatchItemView.of(request_id, result)
            for request_id, result in zip(request_ids, accepted.results, strict=True)
        ]
        rejected = sum(result.notification_id is None for result in results)
        replayed = sum(result.replayed for result in results)
        return cls(
            batch_id=public_batch_id(accepted.batch_id),
            total=len(results),
            accepted=len(results) - rejected - replayed,
            replayed=replayed,
            rejected=rejected,
            results=results,
        )


class BatchView(BaseModel):
    """How it goes with a batch."""

    model_config = ConfigDict(json_schema_extra={"example": BATCH})

    batch_id: str
    status: BatchStatus
    created_at: datetime
    total: int = Field(description="Items in the request.")
    rejected: int
    replayed: int = Field(description="Items that an earlier request had asked for already.")
    counts: dict[NotificationStatus, int] = Field(
        description="How many of its notifications stand where; what is 0 is left out."
    )

    @classmethod
    def of(cls, progress: BatchProgress) -> Self:
        """Show a batch."""
        batch = progress.batch
        return cls(
            batch_id=public_batch_id(batch.id),
            status=progress.status,
            created_at=batch.created_at,
            total=batch.total,
            rejected=batch.rejected,
            replayed=progress.repeated,
            counts=dict(progress.counts),
        )
