"""Runs one command: `python -m devstack.dlq list --reason retries_exhausted`."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from devstack.dlq.arguments import build_parser
from devstack.dlq.commands import run_command
from devstack.dlq.letter_client import LetterClient
from devstack.dlq.target import Target, find_target
from devstack.errors import DevstackError
from servicekit.http_client import create_http_client

RUN_ENV = Path(".devstack/run.env")
_CALL_SECONDS = 15.0


def main(arguments: list[str]) -> int:
    """Run a command; 1 when it could not be done, 2 when it makes no sense."""
    options = build_parser().parse_args(arguments)
    try:
        asyncio.run(_run(options, find_target(os.environ, RUN_ENV)))
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped looking; a job that was started goes on.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; nothing more is to be flushed to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


async def _run(options: argparse.Namespace, target: Target) -> None:
    async with create_http_client(
        target.url, timeout_seconds=_CALL_SECONDS, headers={"X-API-Key": target.api_key}
    ) as http:
        await run_command(options, LetterClient(http), say=_say)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
