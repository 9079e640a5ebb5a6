"""What the fault proxy does to real connections."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from devstack.fault_proxy import (
    BLACK_HOLE,
    PASSING,
    RESETTING,
    FaultProxy,
    delaying,
    dripping,
)


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data.upper())
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    proxy = FaultProxy(lambda: int(server.sockets[0].getsockname()[1]))
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()
    await server.wait_closed()


async def connect(proxy: FaultProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_passes_bytes_and_the_end_of_a_connection_in_both_directions(
    proxy: FaultProxy,
) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"hello")
    writer.write_eof()
    assert await reader.read() == b"HELLO"
    writer.close()


async def test_a_black_hole_keeps_what_is_sent_until_the_network_is_back(
    proxy: FaultProxy,
) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"a")
    assert await reader.readexactly(1) == b"A"
    proxy.change(BLACK_HOLE)
    writer.write(b"b")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), 0.2)
    proxy.change(PASSING)
    assert await reader.readexactly(1) == b"B"
    writer.close()


async def test_a_new_connection_into_a_black_hole_is_not_answered(proxy: FaultProxy) -> None:
    proxy.change(BLACK_HOLE)
    reader, writer = await connect(proxy)
    writer.write(b"a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), 0.2)
    writer.close()


async def test_resets_open_connections_and_new_ones(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"a")
    assert await reader.readexactly(1) == b"A"
    proxy.change(RESETTING)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    new_reader, new_writer = await connect(proxy)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await new_reader.readexactly(1)
    assert len(proxy.arrivals) == 2
    writer.close()
    new_writer.close()


async def test_delays_each_piece(proxy: FaultProxy) -> None:
    proxy.change(delaying(0.1))
    reader, writer = await connect(proxy)
    started = time.monotonic()
    writer.write(b"a")
    assert await reader.readexactly(1) == b"A"
    assert time.monotonic() - started >= 0.2
    writer.close()


async def test_drips_in_pieces(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    proxy.change(dripping(1, 0.02))
    started = time.monotonic()
    writer.write(b"abcdefgh")
    assert await reader.readexactly(8) == b"ABCDEFGH"
    assert time.monotonic() - started >= 8 * 0.02
    writer.close()


async def test_a_server_that_is_away_ends_the_connection(proxy: FaultProxy) -> None:
    nobody = FaultProxy(lambda: 1)
    await nobody.start()
    reader, writer = await connect(nobody)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    await nobody.stop()
