"""`make run`: the whole system in the foreground, with a tour, until Ctrl-C."""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from devstack.addresses import DEFAULT_PORTS
from devstack.errors import DevstackError
from devstack.run_env import write_run_env
from devstack.stack import Stack
from devstack.tour import DEMO_TEMPLATE, Tour, TourResult


def main() -> int:
    """Run until told to stop; the exit code is 1 when something could not be started."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".devstack/run"))
    parser.add_argument("--run-env", type=Path, default=Path(".devstack/run.env"))
    parser.add_argument("--port-offset", type=offset, default=0)
    parser.add_argument("--exit-after-tour", action="store_true", help="for trying it out")
    options = parser.parse_args()
    try:
        asyncio.run(_run(options))
    except DevstackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


async def _run(options: argparse.Namespace) -> None:
    started = time.monotonic()
    checkout = Path.cwd()
    options.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    stack = Stack(options.home, checkout, port_offset=options.port_offset, say=_say)
    running = asyncio.current_task()
    assert running is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    try:
        await stack.start()
        stack.watch(servers=True)
        _say("Sending an email and a push …")
        tour = await Tour(stack, checkout).walk()
        write_run_env(options.run_env, stack, tour)
        print(describe(stack, tour, options.run_env, time.monotonic() - started), flush=True)
        if not options.exit_after_tour:
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        _say("\nStopping …")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _ignore)
        await stack.stop()
    _say("Everything is stopped; the data stay until `make clean`.")


def describe(stack: Stack, tour: TourResult, run_env: Path, seconds: float) -> str:
    """What to know and to try next, for the person at the terminal."""
    addresses = stack.addresses
    gateway = addresses.url("api-gateway")
    email, push = tour.notifications["email"], tour.notifications["push"]
    return f"""
The system is up after {seconds:.0f} s.

  email  delivered in {tour.seconds["email"]:.2f} s   {email}
  push   delivered in {tour.seconds["push"]:.2f} s   {push}

  API gateway        {gateway}   (its documentation: {gateway}/docs)
  user-service       {addresses.url("user-service")}
  template-service   {addresses.url("template-service")}
  email-service      {addresses.url("email-service")}
  push-service       {addresses.url("push-service")}
  Inbox and pushes   {addresses.url("inbox")}
  API key            {tour.api_key}
  Administrator      see ADMIN_EMAIL and ADMIN_PASSWORD in {run_env}
  Logs               {stack.home / "logs"}

Go on in another terminal:

  . {run_env}

  curl -s $GATEWAY_URL/api/v1/notifications -H "X-API-Key: $API_KEY" \\
    -H 'Content-Type: application/json' -d '{{
      "notification_type": "email", "user_id": "'$DEMO_USER_ID'",
      "template_code": "{DEMO_TEMPLATE}", "request_id": "req_1",
      "variables": {{"name": "Ada", "link": "https://example.com/start"}}}}'

  curl -s $GATEWAY_URL/api/v1/notifications/{email} -H "X-API-Key: $API_KEY"

Ctrl-C stops everything.
"""


def offset(text: str) -> int:
    """What is added to all ports, if they exist then."""
    number, highest = int(text), 65535 - max(DEFAULT_PORTS.values())
    if not 0 <= number <= highest:
        msg = f"must be a number from 0 to {highest}, so that all ports exist"
        raise argparse.ArgumentTypeError(msg)
    return number


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _ignore() -> None:
    _say("Already stopping …")


if __name__ == "__main__":
    sys.exit(main())
