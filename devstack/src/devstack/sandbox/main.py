"""Runs the sandbox: binds the ports, says `ready`, serves until SIGTERM or SIGINT.

The ready line is `ready ` and a JSON object with the addresses, so that a parent process can wait
for it and learn the ports that were free.
"""

import asyncio
import json
import logging
import signal
import socket
import sys
from functools import partial

from pydantic import ValidationError
from pydantic_settings import CliApp

from devstack.sandbox.bootstrap import FolderInUseError, build_sandbox, open_data_folder
from devstack.sandbox.inbox.smtp_protocol import InboxProtocol
from devstack.sandbox.key_file import KeyFileError
from devstack.sandbox.push.service_account import FILE_NAME
from devstack.sandbox.settings import SandboxSettings
from devstack.sandbox.web.http_server import HttpServer


class PortInUseError(Exception):
    """A port cannot be bound; the message says which and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; return the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    try:
        settings = CliApp.run(SandboxSettings, sys.argv[1:] if arguments is None else arguments)
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(step) for step in problem["loc"])
            print(f"The setting {name} is not valid: {problem['msg']}.", file=sys.stderr)
        return 2
    try:
        asyncio.run(run_sandbox(settings))
    except (FolderInUseError, KeyFileError, PortInUseError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def run_sandbox(settings: SandboxSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    lock = open_data_folder(settings.data)
    http = _bind(settings.host, settings.http_port, "http_port")
    https = _bind(settings.host, settings.https_port, "https_port")
    smtp = {
        "smtp": _bind(settings.host, settings.smtp_port, "smtp_port"),
        "smtp-b": _bind(settings.host, settings.second_smtp_port, "smtp_b_port"),
    }
    sandbox = build_sandbox(settings, lock=lock, https_port=_port(https))
    web = HttpServer(sandbox.app, sandbox.tls.certificate, sandbox.tls.key)
    await web.listen(http, tls=False)
    await web.listen(https, tls=True)
    inboxes = [
        await loop.create_server(
            partial(InboxProtocol, sandbox.inboxes[name]), sock=sock, backlog=1024
        )
        for name, sock in smtp.items()
    ]
    addresses = {
        "http": f"http://{settings.host}:{_port(http)}",
        "https": f"https://{settings.host}:{_port(https)}",
        "smtp": f"{settings.host}:{_port(smtp['smtp'])}",
        "smtp_b": f"{settings.host}:{_port(smtp['smtp-b'])}",
        "ca": str(sandbox.tls.ca),
        "service_account": None if settings.public_key_file else str(settings.data / FILE_NAME),
    }
    print(f"ready {json.dumps(addresses)}", flush=True)
    await stop.wait()
    for inbox in inboxes:
        inbox.close()
    await web.close()
    await sandbox.close()


def _bind(host: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise PortInUseError(
            f"The sandbox cannot listen on {host}:{port} ({error.strerror}); stop what uses the "
            f"port or set SANDBOX_{setting.upper()} to another one."
        ) from None
    sock.setblocking(False)
    return sock


def _port(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port
