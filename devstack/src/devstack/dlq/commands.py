"""What each command does with the API, and what it says."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from devstack.dlq.arguments import FILTERS
from devstack.dlq.letter_client import Document, LetterClient
from devstack.dlq.rendering import (
    counted,
    jobs_page,
    letter_in_full,
    letters_page,
    printable,
    progress,
)
from devstack.errors import DevstackError

Say = Callable[[str], None]
Sleep = Callable[[float], Awaitable[None]]

PATIENCE_SECONDS: Final = 60.0
"""A job of which nothing moves for so long has no relay to work on it."""

_POLL_SECONDS: Final = 0.5
_DONE: Final = {"replay": "replayed", "discard": "discarded"}


async def run_command(
    options: argparse.Namespace,
    client: LetterClient,
    *,
    say: Say,
    sleep: Sleep = asyncio.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Run the command that was parsed.

    Args:
        options: What `build_parser` understood.
        client: Calls the gateway.
        say: Shows a text to the operator.
        sleep: Waits, in seconds, before a job is looked at again.
        monotonic: Seconds that never go back.

    Raises:
        DevstackError: It could not be done; says why, and what to do.
    """
    follow = _Follower(client, say, sleep, monotonic)
    match options.command:
        case "list":
            query = {**_filter(options), **_page(options)}
            if options.state:
                query["state"] = options.state
            say(letters_page(*await client.letters(query)))
        case "show":
            say(letter_in_full(await client.letter(options.id)))
        case "jobs":
            say(jobs_page(*await client.jobs(_page(options))))
        case "job":
            job = await client.job(options.id)
            await _tell(job, options.no_wait, follow, say)
        case action:
            await _close(action, options, client, follow, say)


async def _close(
    action: str,
    options: argparse.Namespace,
    client: LetterClient,
    follow: "_Follower",
    say: Say,
) -> None:
    selection = selection_of(options)
    if options.dry_run:
        say(counted(await client.count(action, selection)))
        return
    if len(options.ids) == 1:
        letter = await client.close(options.ids[0], action)
        say(
            f"The dead letter {printable(letter['id'])} was {_DONE[action]} "
            f"by {printable(letter['closed_by'])}."
        )
        return
    job = await client.start(action, selection)
    say(f"Job {printable(job['id'])}")
    await _tell(job, options.no_wait, follow, say)


def selection_of(options: argparse.Namespace) -> dict[str, Any]:
    """What the API calls a selection.

    Raises:
        DevstackError: None is given, or more than one.
    """
    wanted = _filter(options)
    given = [bool(options.ids), options.all, bool(wanted)]
    if given.count(True) > 1:
        raise DevstackError("Name ids, or give --all, or filters such as --reason: one of them.")
    if options.ids:
        return {"ids": options.ids}
    if options.all:
        return {"all": True}
    if wanted:
        return {"filter": wanted}
    raise DevstackError(
        f"Say which to {options.command}: an id, --all, or a filter such as --reason; "
        "--dry-run counts them first."
    )


def _filter(options: argparse.Namespace) -> dict[str, Any]:
    values = {name: getattr(options, option) for option, name in FILTERS.items()}
    return {name: value for name, value in values.items() if value is not None}


def _page(options: argparse.Namespace) -> dict[str, Any]:
    return {"page": options.page, "limit": options.limit}


async def _tell(job: Document, no_wait: bool, follow: "_Follower", say: Say) -> None:
    if no_wait:
        say(progress(job))
        return
    end = await follow(job)
    if end["skipped"]:
        say(
            f"{end['skipped']} were skipped: closed by somebody else, or not fit to be "
            f"{_DONE.get(end['action'], 'closed')}. `list` shows those still open; "
            f"`{end['action']} ID` says why for one."
        )


class _Follower:
    """Shows a job's progress until its end."""

    def __init__(
        self, client: LetterClient, say: Say, sleep: Sleep, monotonic: Callable[[], float]
    ) -> None:
        self._client = client
        self._say = say
        self._sleep = sleep
        self._monotonic = monotonic

    async def __call__(self, job: Document) -> Document:
        shown, moved_at = "", self._monotonic()
        while True:
            if (line := progress(job)) != shown:
                self._say(line)
                shown, moved_at = line, self._monotonic()
            if job["state"] == "completed":
                return job
            if self._monotonic() - moved_at > PATIENCE_SECONDS:
                raise DevstackError(
                    f"Nothing has moved for {PATIENCE_SECONDS:.0f} s; look whether a relay runs. "
                    f"The job goes on by itself then: `job {job['id']}` shows it."
                )
            await self._sleep(_POLL_SECONDS)
            job = await self._client.job(job["id"])
