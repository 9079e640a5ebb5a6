"""The endpoint over HTTP, and the script by which a mail server reaches it."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from bounce_endpoint import TOKEN, BounceEndpoint, bounce_endpoint
from bounce_reports import OUT_OF_OFFICE, a_recipient, a_reference, a_report

from contracts.outcome import OutcomeKind

SCRIPT = Path(__file__).parents[2] / "pipe_bounce.sh"
BOUNCE = a_report(a_recipient(), envelope_id=a_reference())
GOOD_NEWS = a_report(a_recipient(action="relayed", status="2.0.0"), envelope_id=a_reference())


@pytest.fixture
async def endpoint() -> AsyncIterator[BounceEndpoint]:
    async with bounce_endpoint() as running:
        yield running


async def post(
    endpoint: BounceEndpoint, body: bytes = BOUNCE, token: str | None = TOKEN
) -> httpx.Response:
    headers = {"Content-Type": "message/rfc822"}
    if token is not None:
        headers["X-Service-Token"] = token
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(endpoint.url, content=body, headers=headers)


async def test_a_bounce_is_recorded(endpoint: BounceEndpoint) -> None:
    answer = await post(endpoint)
    assert answer.status_code == 202
    assert answer.json()["data"] == {"recorded": "bounced", "suppressed": True}
    (outcome,) = endpoint.outcomes
    assert outcome.kind is OutcomeKind.BOUNCED
    assert outcome.suppression is not None


async def test_good_news_is_taken_and_not_recorded(endpoint: BounceEndpoint) -> None:
    answer = await post(endpoint, GOOD_NEWS)
    assert (answer.status_code, answer.json()["data"]["recorded"]) == (200, None)
    assert endpoint.outcomes == []


async def test_what_is_no_report_is_refused_with_the_reason(endpoint: BounceEndpoint) -> None:
    answer = await post(endpoint, OUT_OF_OFFICE)
    assert answer.status_code == 422
    assert "it is text/plain" in answer.json()["message"]


async def test_while_the_broker_is_away_the_mail_server_shall_keep_it(
    endpoint: BounceEndpoint,
) -> None:
    endpoint.away = True
    answer = await post(endpoint)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("mta:wrong", 401), ("x:y", 403), ("mta:", 401)]
)
async def test_nobody_but_the_mail_server_may_report(
    endpoint: BounceEndpoint, token: str | None, status: int
) -> None:
    assert (await post(endpoint, token=token)).status_code == status
    assert endpoint.outcomes == []


async def test_a_body_beyond_the_limit_is_refused(endpoint: BounceEndpoint) -> None:
    assert (await post(endpoint, BOUNCE + b"x" * 2_000_000)).status_code == 413


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    file = tmp_path / "token"
    file.write_text(f"X-Service-Token: {TOKEN}\n")
    return file


@pytest.fixture
def wrong_token_file(token_file: Path) -> Path:
    file = token_file.with_name("wrong")
    file.write_text("X-Service-Token: mta:wrong\n")
    return file


async def pipe(url: str, token_file: Path, mail: bytes = BOUNCE) -> tuple[int, str]:
    """Exit code, and what the script says."""
    process = await asyncio.create_subprocess_exec(
        *("sh", str(SCRIPT)),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "BOUNCE_URL": url, "BOUNCE_TOKEN_FILE": str(token_file)},
    )
    assert process.stdin is not None
    process.stdin.write(mail)
    await process.stdin.drain()  # raises where the script does not read all of it
    process.stdin.close()
    async with asyncio.timeout(30):
        _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_script_hands_a_bounce_over(endpoint: BounceEndpoint, token_file: Path) -> None:
    assert await pipe(endpoint.url, token_file) == (0, "")
    assert [outcome.kind for outcome in endpoint.outcomes] == [OutcomeKind.BOUNCED]


async def test_the_script_hands_over_a_bounce_that_returns_a_large_mail(
    endpoint: BounceEndpoint, token_file: Path
) -> None:
    returned = "To: jane@example.com\n\n" + "x" * 3_000_000
    large = a_report(
        a_recipient(),
        envelope_id=a_reference(),
        returned=returned,
        returned_type="message/rfc822",
    )
    assert await pipe(endpoint.url, token_file, large) == (0, "")
    assert len(endpoint.outcomes) == 1


async def test_the_script_drops_what_is_none_and_says_so(
    endpoint: BounceEndpoint, token_file: Path
) -> None:
    code, said = await pipe(endpoint.url, token_file, OUT_OF_OFFICE)
    assert (code, endpoint.outcomes) == (0, [])
    assert "HTTP 422" in said


async def test_the_script_asks_for_another_try_while_the_broker_is_away(
    endpoint: BounceEndpoint, token_file: Path
) -> None:
    endpoint.away = True
    code, said = await pipe(endpoint.url, token_file)
    assert code == os.EX_TEMPFAIL
    assert "HTTP 503" in said


async def test_the_script_asks_for_another_try_where_nobody_answers(token_file: Path) -> None:
    async with bounce_endpoint() as gone:
        url = gone.url
    code, said = await pipe(url, token_file)
    assert code == os.EX_TEMPFAIL
    assert "to be tried again" in said


async def test_a_wrong_token_loses_nothing_and_is_named(
    endpoint: BounceEndpoint, wrong_token_file: Path
) -> None:
    code, said = await pipe(endpoint.url, wrong_token_file)
    assert code == os.EX_TEMPFAIL
    assert "SERVICE_TOKENS" in said


async def test_a_token_file_that_is_not_there_loses_nothing_and_is_named(
    endpoint: BounceEndpoint, token_file: Path
) -> None:
    code, said = await pipe(endpoint.url, token_file.with_name("none"))
    assert code == os.EX_TEMPFAIL
    assert "set BOUNCE_TOKEN_FILE" in said
