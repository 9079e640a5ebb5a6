"""A server that has vanished takes seconds, not a delivery's whole time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from email_deliveries import an_email
from scripted_smtp_server import Behaviour, ScriptedSmtpServer, scripted_smtp_server
from smtp_providers import a_provider

from contracts.notification import NotificationType
from delivery.errors import TransientDeliveryError
from delivery.metrics import DeliveryMetrics
from delivery.provider_chain import ProviderChain
from delivery.redis_breakers import RedisBreakers, breaker_key
from email_service.adapters.smtp_server import SmtpTls
from servicekit.metrics import Metrics
from servicekit.redis import create_redis
from servicekit.testing import server_url

EMAIL = NotificationType.EMAIL


@asynccontextmanager
async def silence() -> AsyncIterator[int]:
    """A port that takes connections and everything sent there, and says nothing."""
    connections = set()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        while await reader.read(65536):
            pass

    listener = await asyncio.start_server(swallow, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for writer in connections:
            writer.transport.abort()
        await listener.wait_closed()


@pytest.mark.parametrize("tls", [SmtpTls.NONE, SmtpTls.IMPLICIT])
async def test_a_server_that_says_nothing_from_the_start_is_given_up_soon(tls: SmtpTls) -> None:
    async with (
        silence() as port,
        a_provider(port, tls=tls, timeout_seconds=60, connect_seconds=0.3) as provider,
    ):
        started = time.monotonic()
        with pytest.raises(TransientDeliveryError, match=r"no session within 0\.3 s") as error:
            await provider.send(an_email())
        assert time.monotonic() - started < 2
    assert (error.value.reason, error.value.provider_failed) == ("timed_out", True)


async def test_the_deadline_is_for_all_steps_together() -> None:
    """Each reply is in time, and all of them are not."""
    async with scripted_smtp_server(("AUTH PLAIN",)) as server:
        server.delay_seconds = 0.25
        async with a_provider(
            server.port, timeout_seconds=60, connect_seconds=0.6, password="secret"
        ) as provider:
            started = time.monotonic()
            with pytest.raises(TransientDeliveryError, match="timed_out") as error:
                await provider.send(an_email())
            assert 0.5 < time.monotonic() - started < 2
    assert error.value.provider_failed
    assert "MAIL" not in " ".join(server.commands)


async def test_a_slow_dialogue_after_that_is_not_hurried(server: ScriptedSmtpServer) -> None:
    server.delay_seconds = 0.25
    async with a_provider(server.port, timeout_seconds=5, connect_seconds=0.7) as provider:
        await provider.send(an_email())
    assert len(server.mails) == 1


async def test_an_envelope_that_drips_is_given_up_while_it_is_certain_that_nothing_was_taken(
    server: ScriptedSmtpServer,
) -> None:
    async with a_provider(server.port, timeout_seconds=1, connect_seconds=0.5) as provider:
        await provider.send(an_email())
        server.delay_seconds = 0.4  # each reply in time, all of them not
        async with asyncio.timeout(1.3):  # the attempt's deadline
            with pytest.raises(TransientDeliveryError) as late:
                await provider.send(an_email())
    assert late.value.reason == "timed_out"
    assert len(server.mails) == 1


@pytest.mark.parametrize("refused_before", [False, True])
async def test_a_kept_connection_into_the_void_is_given_up_as_soon(
    server: ScriptedSmtpServer, *, refused_before: bool
) -> None:
    async with a_provider(server.port, timeout_seconds=60, connect_seconds=0.3) as provider:
        if refused_before:
            server.say("RCPT", "450 4.2.0 Greylisted")
            with pytest.raises(TransientDeliveryError, match="mailbox_unavailable"):
                await provider.send(an_email())
        else:
            await provider.send(an_email())
        server.say("RSET" if refused_before else "MAIL", Behaviour.HANG)
        started = time.monotonic()
        with pytest.raises(TransientDeliveryError, match="timed_out") as error:
            await provider.send(an_email())
        assert time.monotonic() - started < 2
        assert error.value.provider_failed
        await provider.send(an_email())
    assert server.connections == 2


async def test_one_kept_connection_into_the_void_is_enough_to_doubt_the_others(
    server: ScriptedSmtpServer,
) -> None:
    async with a_provider(server.port, timeout_seconds=60, connect_seconds=0.3) as provider:
        await asyncio.gather(*(provider.send(an_email()) for _ in range(5)))
        assert server.connections > 1
        kept = server.connections
        server.say("MAIL", *[Behaviour.HANG] * 5)
        with pytest.raises(TransientDeliveryError, match="timed_out"):
            await provider.send(an_email())
        server.script["MAIL"].clear()
        await provider.send(an_email())
        assert server.connections == kept + 1


async def test_the_next_server_has_the_mail_within_five_seconds_of_the_first_one_s_silence(
    server: ScriptedSmtpServer,
) -> None:
    """With the settings as they come, and before any breaker has opened."""
    redis = create_redis(server_url("TEST_REDIS_URL"), name="email-tests", max_connections=5)
    async with (
        silence() as port,
        a_provider(port, name="smtp-silent") as silent,
        a_provider(server.port, name="smtp-next") as following,
    ):
        chain = ProviderChain(
            [silent, following],
            RedisBreakers(redis, EMAIL),
            attempt_seconds=18,
            concurrency=4,
            metrics=DeliveryMetrics(Metrics()),
        )
        await chain.start()
        started = time.monotonic()
        try:
            handover = await chain.send(an_email())
        finally:
            seconds = time.monotonic() - started
            await chain.stop()
            await redis.delete(*(breaker_key(EMAIL, name) for name in chain.names))
            await redis.aclose()
    assert handover.provider == "smtp-next"
    assert 3.5 < seconds < 5
    assert len(server.mails) == 1
