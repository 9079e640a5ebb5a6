"""Every way in which FCM can be told to fail."""

import asyncio
from typing import Any, Protocol

import httpx
import pytest


class Push(Protocol):
    async def __call__(self, client: httpx.AsyncClient, **message: Any) -> httpx.Response: ...


class Log(Protocol):
    start: int

    async def entries(self) -> list[dict[str, Any]]: ...


def fcm_code(answer: httpx.Response) -> str:
    (detail,) = answer.json()["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    code: str = detail["errorCode"]
    return code


async def test_a_dead_token_is_unregistered(
    api: httpx.AsyncClient, google: httpx.AsyncClient, push: Push
) -> None:
    await api.put("/sandbox/dead-tokens", json=["device-1"])
    answer = await push(google)
    assert (answer.status_code, fcm_code(answer)) == (404, "UNREGISTERED")
    assert answer.json()["error"]["message"] == "Requested entity was not found."
    assert (await push(google, token="device-2")).status_code == 200


async def test_fails_as_told_and_recovers(
    api: httpx.AsyncClient, google: httpx.AsyncClient, push: Push
) -> None:
    rule = {"error_code": "QUOTA_EXCEEDED", "retry_after": 2, "times": 1, "recipient": "device-*"}
    await api.put("/sandbox/failures/fcm", json=[rule])
    answer = await push(google)
    assert (answer.status_code, fcm_code(answer)) == (429, "QUOTA_EXCEEDED")
    assert answer.headers["retry-after"] == "2"
    assert (await push(google)).status_code == 200


@pytest.mark.parametrize("http2", [True, False])
@pytest.mark.parametrize(
    ("action", "stored"), [("drop_after_accept", 1), ("drop_before_accept", 0)]
)
async def test_drops_the_connection_without_an_answer(
    api: httpx.AsyncClient,
    google: httpx.AsyncClient,
    push: Push,
    log: Log,
    http2: bool,
    action: str,
    stored: int,
) -> None:
    client = google if http2 else api
    await api.put("/sandbox/failures/fcm", json=[{"action": action, "times": 1}])
    with pytest.raises(httpx.RemoteProtocolError):
        await push(client)
    (entry,) = await log.entries()
    assert (entry["accepted"], entry["code"]) == (bool(stored), 0)
    assert (await api.get("/api/v1/pushes")).json()["total"] == stored
    assert (await push(client)).status_code == 200


async def test_a_dropped_stream_leaves_the_others_alone(
    api: httpx.AsyncClient, google: httpx.AsyncClient, push: Push
) -> None:
    rules = [
        {"action": "drop_after_accept", "recipient": "device-3"},
        {"action": "delay", "delay_seconds": 0.2},
    ]
    await api.put("/sandbox/failures/fcm", json=rules)
    answers = await asyncio.gather(
        *(push(google, token=f"device-{n}") for n in range(6)), return_exceptions=True
    )
    failed = [n for n, answer in enumerate(answers) if isinstance(answer, BaseException)]
    assert failed == [3]


async def test_hangs_until_the_client_gives_up(
    api: httpx.AsyncClient, google: httpx.AsyncClient, push: Push
) -> None:
    await api.put("/sandbox/failures/fcm", json=[{"action": "hang", "times": 1}])
    with pytest.raises(httpx.ReadTimeout):
        await push(google)
    assert (await push(google)).status_code == 200


async def test_never_answers_after_accepting(
    api: httpx.AsyncClient, google: httpx.AsyncClient, push: Push, log: Log
) -> None:
    await api.put("/sandbox/failures/fcm", json=[{"action": "hang_after_accept", "times": 1}])
    with pytest.raises(httpx.ReadTimeout):
        await push(google)
    (entry,) = await log.entries()
    assert (entry["accepted"], entry["code"]) == (True, 0)
    assert (await api.get("/api/v1/pushes")).json()["total"] == 1


async def test_drips_its_answer(
    api: httpx.AsyncClient, google: httpx.AsyncClient, push: Push
) -> None:
    rule = {"action": "drip", "delay_seconds": 0.005, "times": 1}
    await api.put("/sandbox/failures/fcm", json=[rule])
    started = asyncio.get_running_loop().time()
    assert "name" in (await push(google)).json()
    assert asyncio.get_running_loop().time() - started >= 0.2
