"""The OAuth token endpoint, and the service account that it knows."""

from typing import Any

import httpx
import pytest

from devstack.sandbox.sandbox_process import SandboxProcess


async def test_the_token_endpoint_answers_as_google_does(
    google: httpx.AsyncClient, token_request: dict[str, str], account: dict[str, Any]
) -> None:
    answer = await google.post(account["token_uri"], data=token_request)
    assert answer.status_code == 200
    assert (answer.json()["expires_in"], answer.json()["token_type"]) == (3599, "Bearer")
    forged = {**token_request, "assertion": token_request["assertion"][:-8] + "AAAAAAAA"}
    answer = await google.post("/token", data=forged)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "Invalid JWT Signature.",
    }
    answer = await google.post("/token", data={"grant_type": "password"})
    assert answer.json()["error"] == "unsupported_grant_type"
    assert (await google.post("/token", json=token_request)).json()["error"] == "invalid_request"


async def test_the_token_endpoint_fails_as_told(
    api: httpx.AsyncClient, google: httpx.AsyncClient, token_request: dict[str, str]
) -> None:
    rules = [{"status": 500, "times": 1}, {"action": "drop_before_accept", "times": 1}]
    await api.put("/sandbox/failures/oauth", json=rules)
    assert (await google.post("/token", data=token_request)).status_code == 500
    with pytest.raises(httpx.RemoteProtocolError):
        await google.post("/token", data=token_request)
    assert (await google.post("/token", data=token_request)).status_code == 200


async def test_the_service_account_file_is_for_its_owner_only(sandbox: SandboxProcess) -> None:
    mode = (sandbox.data / "service-account.json").stat().st_mode
    assert mode & 0o077 == 0
