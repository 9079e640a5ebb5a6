import asyncio
import re

import httpx
import pytest

from servicekit.correlation import (
    accept_traceparent,
    correlated,
    current_correlation_id,
    outgoing_headers,
)

IDS = "/api/v1/things/ids"
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


async def test_takes_over_the_callers_id_and_returns_it(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{IDS}/0", headers={"X-Correlation-ID": "order-1:a.b_c"})
    assert answer.headers["X-Correlation-ID"] == "order-1:a.b_c"
    assert answer.json()["data"] == ["order-1:a.b_c", "order-1:a.b_c", None]


@pytest.mark.parametrize("refused", ["", " ", "a b", "a" * 129, 'a"b', "{}", "a\tb", "\xe4", "a;b"])
async def test_makes_an_id_of_its_own_where_the_callers_is(
    refused: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(
        f"{IDS}/0", headers=httpx.Headers({"X-Correlation-ID": refused}, encoding="latin-1")
    )
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Correlation-ID"])


async def test_makes_a_new_id_for_each_request(client: httpx.AsyncClient) -> None:
    made = {(await client.get("/health")).headers["X-Correlation-ID"] for _ in range(3)}
    assert len(made) == 3


async def test_concurrent_requests_do_not_see_each_others_ids(client: httpx.AsyncClient) -> None:
    async def ask(number: int) -> list[str]:
        answer = await client.get(
            f"{IDS}/{0.02 - number * 0.001:.3f}", headers={"X-Correlation-ID": f"id-{number}"}
        )
        ids: list[str] = answer.json()["data"][:2]
        return ids

    seen = await asyncio.gather(*(ask(number) for number in range(20)))
    assert seen == [[f"id-{number}"] * 2 for number in range(20)]
    assert current_correlation_id() is None


async def test_takes_over_a_well_formed_trace(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{IDS}/0", headers={"traceparent": TRACE})
    assert answer.json()["data"][2] == TRACE


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        TRACE.upper(),
        TRACE + "-00",
        "01" + TRACE[2:],
        "00-" + "0" * 32 + TRACE[35:],
        TRACE[:36] + "0" * 16 + "-01",
        TRACE + "\n",
    ],
)
def test_restarts_a_trace_that_is_malformed(malformed: str) -> None:
    assert accept_traceparent(malformed) is None


def test_hands_both_ids_to_outgoing_calls_and_forgets_them_afterwards() -> None:
    with correlated("c-1", TRACE):
        assert outgoing_headers() == {"X-Correlation-ID": "c-1", "traceparent": TRACE}
    assert outgoing_headers() == {}
