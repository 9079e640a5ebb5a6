"""The limit: aiosmtplib alone, sending one prebuilt mail again and again over kept connections.

A process of its own, on the event loop that our services use: `python -m benchmarks.raw_smtp`.
"""

import argparse
import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiosmtplib
import uvloop

_SENDER = "notifications@example.com"
_RECIPIENT = "grace@example.com"


async def send_all(port: int, mail: bytes, connections: int, count: int) -> None:
    """Send `count` copies of a mail over so many connections to 127.0.0.1."""
    left = iter(range(count))
    await asyncio.gather(*(_send_some(port, mail, left) for _ in range(connections)))


async def _send_some(port: int, mail: bytes, left: Iterator[int]) -> None:
    smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
    async with smtp:
        for _ in left:
            await smtp.sendmail(_SENDER, [_RECIPIENT], mail)


def main() -> None:
    """Send, and end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.raw_smtp")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mail", type=Path, required=True, help="file that holds the mail")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    uvloop.run(
        send_all(options.port, options.mail.read_bytes(), options.connections, options.count)
    )


if __name__ == "__main__":
    main()
