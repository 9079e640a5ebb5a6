"""The three servers for real; these tests share one stack and leave it running."""

import asyncio
import re
from pathlib import Path

import aio_pika
import asyncpg
import pytest
import redis.asyncio
from aio_pika.abc import DeliveryMode
from aiormq.exceptions import ChannelAccessRefused
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from devstack.errors import DevstackError, HomeInUseError
from devstack.private_server import PrivateServer
from devstack.process_table import family_of
from devstack.servers import Servers

pytestmark = pytest.mark.slow


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")


async def query(url: str, statement: str) -> object:
    connection = await asyncpg.connect(plain(url), timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def redis_client(servers: Servers) -> redis.asyncio.Redis:
    return redis.asyncio.from_url(
        servers.redis_url, retry=Retry(NoBackoff(), 0), decode_responses=True
    )


async def send(servers: Servers, body: bytes) -> None:
    async with await aio_pika.connect(servers.amqp_url) as connection:
        channel = await connection.channel(on_return_raises=True)
        exchange = await channel.get_exchange("notifications.direct")
        message = aio_pika.Message(body, delivery_mode=DeliveryMode.PERSISTENT)
        await exchange.publish(message, routing_key="email.queue")


async def receive(servers: Servers) -> bytes:
    async with await aio_pika.connect(servers.amqp_url) as connection:
        queue = await (await connection.channel()).get_queue("email.queue")
        message = await queue.get(timeout=5)
        await message.ack()
        return message.body


def listening_addresses(pid: int) -> set[str]:
    """The local addresses that the family of `pid` listens on, in /proc's hexadecimal."""
    inodes = set()
    for member in family_of(pid):
        for descriptor in Path(f"/proc/{member.pid}/fd").iterdir():
            if match := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                inodes.add(match.group(1))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


async def test_serves_every_database_to_its_own_role_only(servers: Servers) -> None:
    odd = await servers.create_database("users", "users_role", "it's a \\ secret @/:%")
    assert await query(odd, "SELECT current_user::text") == "users_role"
    await servers.create_database("templates", "templates_role", "other")
    again = await servers.create_database("users", "users_role", "plain")
    assert await query(again, "SELECT current_database()::text") == "users"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(again.removesuffix("users") + "templates", "SELECT 1")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(again.replace(":plain@", ":wrong@"), "SELECT 1")


async def test_refuses_a_database_name_that_needs_quoting(servers: Servers) -> None:
    with pytest.raises(DevstackError, match="lower-case letters"):
        await servers.create_database('users"; DROP', "users_role", "plain")


async def test_speaks_utf8_in_postgresql(servers: Servers) -> None:
    assert await query(servers.admin_postgres_url, "SHOW server_encoding") == "UTF8"


async def test_evicts_nothing_from_redis_and_writes_everything_down(servers: Servers) -> None:
    expected = {"maxmemory-policy": "noeviction", "appendonly": "yes"}
    async with redis_client(servers) as client:
        assert await client.config_get(*expected) == expected


async def test_lets_services_declare_no_queue(servers: Servers) -> None:
    async with await aio_pika.connect(servers.amqp_url) as connection:
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_queue("of-my-own", durable=True)


async def test_listens_on_loopback_only(servers: Servers) -> None:
    loopback = {"0100007F", "00000000000000000000000001000000"}
    for server in (servers.postgres, servers.redis, servers.rabbitmq):
        assert server.pid is not None
        addresses = listening_addresses(server.pid)
        assert addresses, server.name
        assert addresses <= loopback, server.name


async def test_keeps_data_and_ports_over_a_stop_and_a_start(servers: Servers) -> None:
    url = await servers.create_database("kept", "kept", "kept")
    await query(url, "CREATE TABLE t AS SELECT 42 AS n")
    async with redis_client(servers) as client:
        await client.set("kept", "42")
    await send(servers, b"kept")
    for server in (servers.postgres, servers.redis, servers.rabbitmq):
        port = server.port
        await server.stop()
        assert server.pid is None
        await server.start()
        assert server.port == port
    assert await query(url, "SELECT n FROM t") == 42
    async with redis_client(servers) as client:
        assert await client.get("kept") == "42"
    assert await receive(servers) == b"kept"


async def test_keeps_what_was_confirmed_over_a_crash(servers: Servers) -> None:
    url = await servers.create_database("crashed", "crashed", "crashed")
    await query(url, "CREATE TABLE t AS SELECT 43 AS n")
    await send(servers, b"crashed")
    for server in (servers.postgres, servers.rabbitmq):
        pid = server.pid
        assert pid is not None
        server.kill()
        assert server.pid is None
        assert family_of(pid) == []
        await server.start()
    assert await query(url, "SELECT n FROM t") == 43
    assert await receive(servers) == b"crashed"


async def test_hangs_while_frozen_and_answers_when_thawed(servers: Servers) -> None:
    async def ask(server: PrivateServer) -> None:
        if server is servers.postgres:
            await query(servers.admin_postgres_url, "SELECT 1")
        elif server is servers.redis:
            async with redis_client(servers) as client:
                await client.ping()
        else:
            async with await aio_pika.connect(servers.amqp_url):
                pass

    for server in (servers.postgres, servers.redis, servers.rabbitmq):
        server.freeze()
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.7):
                    await ask(server)
        finally:
            server.thaw()
        async with asyncio.timeout(10):
            await ask(server)


async def test_answers_rabbitmqctl(servers: Servers) -> None:
    assert "notifications" in await servers.rabbitmq.control("list_users", "--silent")
    with pytest.raises(DevstackError, match="rabbitmqctl no-such-command failed"):
        await servers.rabbitmq.control("no-such-command")


async def test_refuses_a_home_that_is_in_use(servers: Servers, definitions: Path) -> None:
    second = Servers(servers.home, definitions)
    with pytest.raises(HomeInUseError, match="in use by process"):
        await second.start()
    assert servers.redis.pid is not None
