import asyncio

import pytest
from email_deliveries import an_email
from scripted_smtp_server import Behaviour, ScriptedSmtpServer
from smtp_providers import a_provider

from delivery.errors import (
    AmbiguousDeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from email_service.adapters.smtp_connection_pool import PoolLimits
from email_service.adapters.smtp_provider import SmtpProvider


async def test_many_mails_go_over_one_kept_connection(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    for _ in range(20):
        await provider.send(an_email())
    assert (len(server.mails), server.connections) == (20, 1)


async def test_never_opens_more_connections_than_allowed(server: ScriptedSmtpServer) -> None:
    async with a_provider(server.port, limits=PoolLimits(size=3)) as provider:
        await asyncio.gather(*(provider.send(an_email()) for _ in range(30)))
    assert len(server.mails) == 30
    assert server.most_open == 3


async def test_a_connection_is_retired_after_its_messages(server: ScriptedSmtpServer) -> None:
    async with a_provider(server.port, limits=PoolLimits(messages_per_connection=2)) as provider:
        for _ in range(5):
            await provider.send(an_email())
    assert [mail.connection for mail in server.mails] == [1, 1, 2, 2, 3]


async def test_a_connection_that_idled_too_long_is_not_used_again(
    server: ScriptedSmtpServer,
) -> None:
    async with a_provider(server.port, limits=PoolLimits(idle_seconds=0.0)) as provider:
        await provider.send(an_email())
        await provider.send(an_email())
    assert server.connections == 2


async def test_closing_says_goodbye(server: ScriptedSmtpServer) -> None:
    async with a_provider(server.port) as provider:
        await provider.send(an_email())
    assert server.commands[-1] == "QUIT"


async def test_a_refused_recipient_costs_no_connection(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    server.say("RCPT", "550 5.1.1 User unknown", "450 4.2.0 Greylisted")
    with pytest.raises(InvalidRecipientError) as invalid:
        await provider.send(an_email())
    assert invalid.value.reply_code == "550 5.1.1"
    with pytest.raises(TransientDeliveryError) as greylisted:
        await provider.send(an_email())
    assert not greylisted.value.provider_failed
    await provider.send(an_email())
    assert (len(server.mails), server.connections) == (1, 1)


async def test_a_refused_message_costs_no_connection(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    server.say("BODY", "554 5.7.1 Spam")
    with pytest.raises(PermanentDeliveryError):
        await provider.send(an_email())
    await provider.send(an_email())
    assert (len(server.mails), server.connections) == (1, 1)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "BODY"])
async def test_the_connection_of_a_cancelled_send_is_thrown_away(
    server: ScriptedSmtpServer, provider: SmtpProvider, step: str
) -> None:
    await provider.send(an_email())
    server.say(step, Behaviour.HANG)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await provider.send(an_email())
    assert server.hanging.is_set()
    async with asyncio.timeout(2):
        await provider.send(an_email())
    assert (len(server.mails), server.connections) == (2, 2)


async def test_cancelled_sends_leave_room_for_later_ones(server: ScriptedSmtpServer) -> None:
    server.say("MAIL", *[Behaviour.HANG] * 2)
    async with a_provider(server.port, limits=PoolLimits(size=2)) as provider:
        tasks = [asyncio.create_task(provider.send(an_email())) for _ in range(4)]
        await server.hanging.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(2):
            await asyncio.gather(*(provider.send(an_email()) for _ in range(4)))


async def test_waiting_for_a_free_connection_has_an_end(server: ScriptedSmtpServer) -> None:
    server.say("BODY", Behaviour.HANG)
    server.say("MAIL", "250 Ok", Behaviour.HANG)
    async with a_provider(server.port, limits=PoolLimits(size=1), timeout_seconds=0.4) as provider:
        sends = [asyncio.create_task(provider.send(an_email())) for _ in range(3)]
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
    kinds = [type(outcome) for outcome in outcomes]
    assert AmbiguousDeliveryError in kinds
    waited = [error for error in outcomes if isinstance(error, TransientDeliveryError)]
    assert "no_free_connection" in [error.reason for error in waited]


@pytest.mark.parametrize("first_words", ["421 4.4.2 Idle for too long", Behaviour.DROP])
async def test_a_kept_connection_that_ended_is_replaced_without_an_error(
    server: ScriptedSmtpServer, provider: SmtpProvider, first_words: str | Behaviour
) -> None:
    await provider.send(an_email())
    server.say("MAIL", first_words)
    await provider.send(an_email())
    assert [mail.connection for mail in server.mails] == [1, 2]


@pytest.mark.parametrize("first_words", ["421 4.4.2 Idle for too long", Behaviour.DROP])
async def test_a_kept_connection_that_has_only_seen_refusals_is_replaced_like_any_other(
    server: ScriptedSmtpServer, provider: SmtpProvider, first_words: str | Behaviour
) -> None:
    server.say("RCPT", "550 5.1.1 User unknown")
    with pytest.raises(InvalidRecipientError):
        await provider.send(an_email())
    server.say("RSET", first_words)
    await provider.send(an_email())
    assert [mail.connection for mail in server.mails] == [2]


async def test_a_server_that_restarted_is_connected_to_again(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    await asyncio.gather(*(provider.send(an_email()) for _ in range(5)))
    server.drop_all()
    await asyncio.gather(*(provider.send(an_email()) for _ in range(5)))
    assert len(server.mails) == 10
