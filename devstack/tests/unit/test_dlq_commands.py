"""`make dlq`: what is asked of the gateway, and what the operator reads."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "stand-ins"))
from dlq_gateway import (
    COUNT,
    EXAMINED,
    JOB,
    LETTER,
    Answer,
    ScriptedGateway,
    data,
    page,
    refusal,
)

from devstack.dlq.arguments import build_parser
from devstack.dlq.commands import PATIENCE_SECONDS, run_command
from devstack.dlq.letter_client import LetterClient
from devstack.errors import DevstackError

LETTERS, JOBS = "/api/v1/admin/dead-letters", "/api/v1/admin/dead-letter-jobs"
ID = LETTER["id"]
REPLAYED = {**LETTER, "state": "replayed", "closed_by": "application:1"}
COMPLETED = {**JOB, "done": 3, "skipped": 1, "state": "completed"}


async def run(arguments: str, *answers: Answer) -> tuple[ScriptedGateway, str]:
    """What the gateway was asked, and what was said."""
    gateway = ScriptedGateway(*answers)
    said: list[str] = []
    seconds = 0.0

    async def sleep(pause: float) -> None:
        nonlocal seconds
        seconds += pause

    async with gateway.http() as http:
        await run_command(
            build_parser().parse_args(arguments.split()),
            LetterClient(http),
            say=said.append,
            sleep=sleep,
            monotonic=lambda: seconds,
        )
    return gateway, "\n".join(said)


async def fails(arguments: str, *answers: Answer) -> str:
    with pytest.raises(DevstackError) as caught:
        await run(arguments, *answers)
    return str(caught.value)


async def test_list_asks_with_every_filter_and_shows_a_table() -> None:
    gateway, text = await run(
        "list --type email --reason poison --template welcome_email --from A --to B "
        "--state all --page 2 --limit 50",
        page(LETTER, total=10_000, number=2),
    )
    assert gateway.asked == [("GET", LETTERS)]
    assert gateway.queries == [
        {
            "notification_type": ["email"],
            "reason": ["poison"],
            "template_code": ["welcome_email"],
            "received_from": ["A"],
            "received_to": ["B"],
            "state": ["all"],
            "page": ["2"],
            "limit": ["50"],
        }
    ]
    head, row, place = text.splitlines()
    assert head.split() == [
        "RECEIVED",
        "(UTC)",
        "ID",
        "TYPE",
        "TEMPLATE",
        "RECIPIENT",
        "REASON",
        "STATE",
    ]
    assert (
        row.split()
        == (
            f"2026-11-21 01:02:03 {ID} email welcome_email j***@example.com retries_exhausted open"
        ).split()
    )
    assert place == "Page 2 of 3; 10000 or more in all."


async def test_without_options_a_list_asks_for_the_first_page_of_open_letters() -> None:
    gateway, text = await run("list", page())
    assert gateway.queries == [{"page": ["1"], "limit": ["20"]}]
    assert text == "There are no dead letters of this kind."
    _, text = await run("list --page 9", page(total=3, number=9))
    assert text == "There is no page 9; the last is 3."


async def test_show_prints_message_and_attempts() -> None:
    gateway, text = await run(f"show {ID}", data(EXAMINED))
    assert gateway.asked == [("GET", f"{LETTERS}/{ID}")]
    for part in ("john@example.com", "Jörg", "x-dead-reason", "smtp_451", "451 4.3.0", "failed"):
        assert part in text


async def test_show_prints_what_is_no_json_as_the_gateway_gives_it() -> None:
    letter = {**EXAMINED, "message": None, "message_base64": "/w==", "message_note": "No JSON."}
    _, text = await run(f"show {ID}", data({**letter, "attempts": []}))
    assert "No JSON.\n/w==" in text
    assert "none that are known here" in text


async def test_nothing_in_a_letter_reaches_the_terminal_as_a_command() -> None:
    hostile = "\x1b\x07\r\u202e\u009b"
    letter = {**EXAMINED, "detail": hostile, "reason": hostile, "message": {hostile: hostile}}
    letter["headers"] = {hostile: hostile}
    letter["attempts"] = [{**EXAMINED["attempts"][0], "detail": hostile}]
    job = {**JOB, "requested_by": hostile}
    for arguments, answer in (
        (f"show {ID}", data(letter)),
        ("list", page({**LETTER, "reason": hostile})),
        ("jobs", page(job)),
        ("replay --all --dry-run", data({**COUNT, "by_reason": [{"reason": hostile, "count": 1}]})),
    ):
        _, text = await run(arguments, answer)
        assert not set(hostile) & set(text), arguments


@pytest.mark.parametrize(("action", "done"), [("replay", "replayed"), ("discard", "discarded")])
async def test_one_id_is_decided_about_at_once(action: str, done: str) -> None:
    gateway, text = await run(f"{action} {ID}", data(REPLAYED))
    assert gateway.asked == [("POST", f"{LETTERS}/{ID}/{action}")]
    assert text == f"The dead letter {ID} was {done} by application:1."


@pytest.mark.parametrize(
    ("arguments", "selection"),
    [
        ("--all", {"all": True}),
        ("a b", {"ids": ["a", "b"]}),
        ("--reason poison --to T", {"filter": {"reason": "poison", "received_to": "T"}}),
        ("--type push", {"filter": {"notification_type": "push"}}),
    ],
)
async def test_many_are_a_job_that_is_followed_to_its_end(
    arguments: str, selection: dict[str, Any]
) -> None:
    gateway, text = await run(
        f"replay {arguments}", data(JOB, 202), data({**JOB, "done": 2}), data(COMPLETED)
    )
    assert gateway.asked == [
        ("POST", f"{LETTERS}/replay"),
        ("GET", f"{JOBS}/{JOB['id']}"),
        ("GET", f"{JOBS}/{JOB['id']}"),
    ]
    assert json.loads(gateway.bodies[0]) == selection
    assert text.splitlines()[:4] == [
        f"Job {JOB['id']}",
        "0 of 4: 0 replayed, 0 skipped",
        "2 of 4: 2 replayed, 0 skipped",
        "4 of 4: 3 replayed, 1 skipped. Completed.",
    ]
    assert text.splitlines()[4].startswith("1 were skipped")


async def test_a_dry_run_only_counts_even_for_one_id() -> None:
    for arguments, selection in (("--all", {"all": True}), (ID, {"ids": [ID]})):
        gateway, text = await run(
            f"discard {arguments} --dry-run", data({**COUNT, "action": "discard"})
        )
        assert gateway.asked == [("POST", f"{LETTERS}/discard")]
        assert json.loads(gateway.bodies[0]) == {**selection, "dry_run": True}
        assert text.startswith("4 to discard; nothing was done.")
        assert "       3  timeout" in text


async def test_without_waiting_a_job_is_only_started() -> None:
    gateway, text = await run("replay --all --no-wait", data(JOB, 202))
    assert len(gateway.asked) == 1
    assert text.splitlines() == [f"Job {JOB['id']}", "0 of 4: 0 replayed, 0 skipped"]


async def test_jobs_are_listed_and_one_is_followed() -> None:
    gateway, text = await run("jobs", page(JOB))
    assert gateway.asked == [("GET", JOBS)]
    assert "0/4" in text
    gateway, text = await run(f"job {JOB['id']}", data(JOB), data(COMPLETED))
    assert [path for _, path in gateway.asked] == [f"{JOBS}/{JOB['id']}"] * 2
    assert "Completed." in text
    gateway, text = await run(f"job {JOB['id']} --no-wait", data(JOB))
    assert (len(gateway.asked), text) == (1, "0 of 4: 0 replayed, 0 skipped")


async def test_a_job_that_nobody_works_on_is_given_up_with_advice() -> None:
    message = await fails("replay --all", data(JOB, 202), data({**JOB, "done": 1}))
    assert f"Nothing has moved for {PATIENCE_SECONDS:.0f} s" in message
    assert "relay" in message
    assert JOB["id"] in message


@pytest.mark.parametrize(
    "arguments", ["replay", "discard --dry-run", "replay a --all", "replay --all --reason x"]
)
async def test_a_selection_has_to_be_one(arguments: str) -> None:
    message = await fails(arguments, data(JOB))
    assert "--all" in message
    assert "--reason" in message


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.ConnectError("refused"), "does not answer (refused); look whether it runs"),
        (httpx.ReadTimeout(""), "does not answer (ReadTimeout)"),
        (httpx.Response(502, text="<html>"), "is not the gateway (status 502"),
        (httpx.Response(200, json=[]), "correct GATEWAY_URL"),
        (refusal(401, "The API key is not valid."), "API_KEY is not a key of this gateway"),
        (refusal(403, "This needs a scope."), "This needs a scope. Create such a key"),
        (refusal(404, "There is no dead letter."), "`list` and `jobs` show the ids"),
        (refusal(409, "It was discarded; do this."), "It was discarded; do this."),
        (
            refusal(
                422, "The request is not valid.", {"field": "reason", "message": "It is empty."}
            ),
            "reason: It is empty.",
        ),
        (refusal(503, "PostgreSQL is away."), "PostgreSQL is away. Try again"),
        (refusal(500, "Something broke."), "Look into the gateway's log (status 500)"),
    ],
)
async def test_every_refusal_is_a_sentence_with_what_to_do(answer: Answer, sentence: str) -> None:
    assert sentence in await fails("list", answer)


@pytest.mark.parametrize("letter_id", ["..", "a/b", "%2e", "a?b"])
async def test_what_is_no_id_is_not_asked_for(letter_id: str) -> None:
    assert "is no id" in await fails(f"show {letter_id}", data(EXAMINED))


@pytest.mark.parametrize("arguments", ["", "replay --al", "list --all", "show", "purge"])
def test_what_is_no_command_ends_with_usage(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(arguments.split())
    assert caught.value.code == 2
    assert "usage: dlq" in capsys.readouterr().err
