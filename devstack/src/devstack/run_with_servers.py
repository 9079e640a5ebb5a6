"""The command line of `python -m devstack.servers`: run a command while the servers are up."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from devstack.errors import DevstackError
from devstack.processes import tie_to_parent
from devstack.servers import Servers, clean

_TOPOLOGY = Path("rabbitmq-config")
_COMMAND_SECONDS = 30.0


def main(arguments: Sequence[str]) -> int:
    """Return the command's exit code; 1 with one sentence when the servers do not start."""
    options = _parse(arguments)
    try:
        if options.clean:
            asyncio.run(clean(options.home))
        return asyncio.run(_run(options)) if options.command else 0
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devstack.servers",
        description="Run COMMAND with a private PostgreSQL, Redis and RabbitMQ; their addresses "
        "are in TEST_POSTGRES_URL, TEST_REDIS_URL and TEST_AMQP_URL.",
    )
    parser.add_argument("--home", type=Path, required=True, help="where data and logs are kept")
    parser.add_argument("--definitions", type=Path, default=_TOPOLOGY / "definitions.json")
    parser.add_argument("--rabbitmq-conf", type=Path, default=_TOPOLOGY / "rabbitmq.conf")
    parser.add_argument("--clean", action="store_true", help="remove the home's data first")
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="after --")
    options = parser.parse_args(arguments)
    if not options.command and not options.clean:
        parser.error("name the COMMAND to run, after --")
    return options


async def _run(options: argparse.Namespace) -> int:
    stopped = asyncio.Event()
    received: list[signal.Signals] = []

    def note(number: signal.Signals) -> None:
        received.append(number)
        stopped.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, note, number)
    conf = options.rabbitmq_conf if options.rabbitmq_conf.exists() else None
    servers = Servers(options.home, options.definitions, conf)
    starting = asyncio.create_task(servers.start())
    interrupted = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({starting, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            return 128 + received[0]
        await starting
        return await _run_command(options.command, servers, interrupted, received)
    finally:
        interrupted.cancel()
        await servers.stop()


async def _run_command(
    command: Sequence[str],
    servers: Servers,
    interrupted: "asyncio.Task[bool]",
    received: Sequence[signal.Signals],
) -> int:
    environment = os.environ | {
        "TEST_POSTGRES_URL": servers.admin_postgres_url,
        "TEST_REDIS_URL": servers.redis_url,
        "TEST_AMQP_URL": servers.amqp_url,
    }
    try:
        child = await asyncio.create_subprocess_exec(
            *command, env=environment, preexec_fn=tie_to_parent(signal.SIGTERM)
        )
    except OSError as error:
        raise DevstackError(f"{command[0]} cannot be run: {error.strerror}.") from error
    ending = asyncio.create_task(child.wait())
    await asyncio.wait({ending, interrupted}, return_when=asyncio.FIRST_COMPLETED)
    if not ending.done():
        # Ctrl-C in a terminal reaches the command by itself, as it is in the same group.
        if received[0] != signal.SIGINT or not os.isatty(sys.stdin.fileno()):
            child.send_signal(received[0])
        await asyncio.wait({ending}, timeout=_COMMAND_SECONDS)
    if not ending.done():
        child.kill()
    code = await ending
    return 128 - code if code < 0 else code
