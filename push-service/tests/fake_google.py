"""A real HTTP server on loopback in the place of Google: token endpoint and FCM.

Raw asyncio, because it must also break connections at exact points.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qs


class Behaviour(Enum):
    DROP = auto()
    DROP_IN_BODY = auto()
    HANG = auto()


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


def json_reply(status: int, document: Any, **headers: str) -> Reply:
    return Reply(status, json.dumps(document).encode(), headers)


@dataclass
class FakeGoogle:
    """Grants tokens named `token-1`, `token-2` … and takes every message, unless told otherwise."""

    port: int = 0
    lifetime: int = 3600
    token_script: deque[Reply | Behaviour] = field(default_factory=deque)
    send_script: deque[Reply | Behaviour] = field(default_factory=deque)
    token_requests: list[Request] = field(default_factory=list)
    sends: list[Request] = field(default_factory=list)
    granted: int = 0
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def assertions(self) -> list[str]:
        return [parse_qs(request.body.decode())["assertion"][0] for request in self.token_requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _read(reader):
                reply = self._answer(request)
                if reply is Behaviour.DROP:
                    return
                if reply is Behaviour.HANG:
                    self.hanging.set()
                    await asyncio.Event().wait()
                if isinstance(reply, Reply):
                    _write(writer, reply, len(reply.body))
                else:
                    _write(writer, Reply(200, b'{"na'), 500)
                    await writer.drain()
                    return
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _answer(self, request: Request) -> Reply | Behaviour:
        if request.path == "/token":
            self.token_requests.append(request)
            if self.token_script:
                return self.token_script.popleft()
            self.granted += 1
            token = f"token-{self.granted}"
            return json_reply(200, {"access_token": token, "expires_in": self.lifetime})
        self.sends.append(request)
        if self.send_script:
            return self.send_script.popleft()
        return json_reply(200, {"name": f"projects/demo-project/messages/{len(self.sends)}"})


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode().rstrip("\r\n").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(first.split(" ")[1], headers, body)


def _write(writer: asyncio.StreamWriter, reply: Reply, length: int) -> None:
    lines = [f"HTTP/1.1 {reply.status} x", f"Content-Length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in reply.headers.items()]
    writer.write("\r\n".join((*lines, "", "")).encode() + reply.body)


@asynccontextmanager
async def fake_google() -> AsyncIterator[FakeGoogle]:
    google = FakeGoogle()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(google.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    google.port = listener.sockets[0].getsockname()[1]
    try:
        yield google
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()
