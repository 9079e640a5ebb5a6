"""The limit for accepting: the same request, and one confirmed publish to a quorum queue.

A process of its own, with our services' event loop, HTTP protocol and flags. It stores nothing,
asks nobody, knows no caller: what it answers may be lost, sent twice, or never have been allowed.

    python -m benchmarks.naive_gateway --port 8100 [--amqp-url amqp://…]

Without an address it does not even publish.
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import aio_pika
from aio_pika.abc import AbstractExchange
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from api_gateway.api.schemas import AcceptedNotification, SendNotification
from api_gateway.domain.identifiers import public_notification_id
from contracts.envelope import Envelope
from contracts.names import NOTIFICATIONS_EXCHANGE, normal_lane
from contracts.notification import NotificationStatus, NotificationType
from servicekit.server import serve

LANE: Final = normal_lane(NotificationType.PUSH)
"""A quorum queue that nothing else uses meanwhile."""


def build(amqp_url: str | None) -> FastAPI:
    """The application; without an address it publishes nothing."""
    exchanges: list[AbstractExchange] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if amqp_url is None:
            yield
            return
        async with await aio_pika.connect(amqp_url) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            exchanges.append(await channel.get_exchange(NOTIFICATIONS_EXCHANGE, ensure=False))
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/v1/notifications", status_code=202)
    async def send(body: SendNotification) -> Envelope[AcceptedNotification]:
        for exchange in exchanges:
            await exchange.publish(
                aio_pika.Message(
                    body.model_dump_json().encode(),
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                ),
                LANE,
            )
        return Envelope[AcceptedNotification](
            success=True,
            message="The notification was published.",
            data=AcceptedNotification(
                notification_id=public_notification_id(uuid7()),
                status=NotificationStatus.PENDING,
                created_at=datetime.now(UTC),
            ),
        )

    return app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.naive_gateway")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--amqp-url")
    options = parser.parse_args()
    serve(build(options.amqp_url), host="127.0.0.1", port=options.port)


if __name__ == "__main__":
    main()
