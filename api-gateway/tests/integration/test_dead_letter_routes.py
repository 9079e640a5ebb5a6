"""`/api/v1/admin/dead-letters…` over HTTP: who may, what is shown, what is refused."""

import base64
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from letters import Post
from loopback_services import LoopbackServices
from samples import NOW, outcome

from api_gateway.adapters.postgres_dead_letter_jobs import PostgresDeadLetterJobs
from contracts.access import Role, Scope
from contracts.notification import NotificationStatus
from contracts.outcome import OutcomeKind
from servicekit.database import Database

PATH = "/api/v1/admin/dead-letters"
JOBS = "/api/v1/admin/dead-letter-jobs"


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


@pytest_asyncio.fixture(scope="session")
async def admin(services: LoopbackServices) -> dict[str, str]:
    return services.api_key(Scope.ADMIN)


async def rows_of(
    client: httpx.AsyncClient, admin: dict[str, str], **query: Any
) -> list[dict[str, Any]]:
    answer = await client.get(PATH, params=query, headers=admin)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PATH),
        ("GET", f"{PATH}/{uuid4()}"),
        ("POST", f"{PATH}/replay"),
        ("POST", f"{PATH}/discard"),
        ("POST", f"{PATH}/{uuid4()}/replay"),
        ("POST", f"{PATH}/{uuid4()}/discard"),
        ("GET", JOBS),
        ("GET", f"{JOBS}/{uuid4()}"),
    ],
)
async def test_only_administrators_come_in(
    client: httpx.AsyncClient, services: LoopbackServices, method: str, path: str
) -> None:
    everything_else = services.api_key(*(set(Scope) - {Scope.ADMIN}))
    for headers in (everything_else, services.bearer(uuid4())):
        answer = await client.request(method, path, headers=headers, json={"all": True})
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert (await client.request(method, path, json={"all": True})).status_code == 401
    for headers in (services.api_key(Scope.ADMIN), services.bearer(uuid4(), Role.ADMIN)):
        body = {"filter": {"template_code": "nobody.has.this"}}
        answer = await client.request(method, path, headers=headers, json=body)
        assert answer.status_code in {200, 202, 404}


async def test_a_list_shows_everything_but_the_address(
    client: httpx.AsyncClient, admin: dict[str, str], post: Post
) -> None:
    one, letter_id = await post.failed_letter(reason="poison", detail="3 claims")
    answer = await client.get(
        PATH, params={"template_code": post.template_code, "reason": "poison"}, headers=admin
    )
    assert "john@example.com" not in answer.text
    [row] = answer.json()["data"]
    assert row["received_at"] is not None
    assert {key: value for key, value in row.items() if key != "received_at"} == {
        "id": str(letter_id),
        "delivery_id": str(one.deliveries[0].id),
        "generation": 0,
        "notification_id": f"notif_{one.id.hex}",
        "notification_type": "email",
        "client_id": "application:a",
        "template_code": post.template_code,
        "recipient": "j***@example.com",
        "reason": "poison",
        "detail": "3 claims",
        "state": "open",
        "closed_at": None,
        "closed_by": None,
        "job_id": None,
        "erased_at": None,
    }


async def test_pages_of_the_list_have_their_place(
    client: httpx.AsyncClient, admin: dict[str, str], post: Post
) -> None:
    ids = [str(await post.keep()) for _ in range(3)]
    answer = await client.get(
        PATH,
        params={"template_code": post.template_code, "page": 2, "limit": 2},
        headers=admin,
    )
    assert [row["id"] for row in answer.json()["data"]] == ids[:1]
    meta = answer.json()["meta"]
    assert (meta["total"], meta["page"], meta["has_next"], meta["has_previous"]) == (
        3,
        2,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("channel=email", "channel"),
        ("notification_type=fax", "notification_type"),
        ("reason=a%00b", "reason"),
        ("received_from=yesterday", "received_from"),
        ("received_from=1893456000", "received_from"),
        ("received_from=2026-11-01T00:00:00", "received_from"),
        ("received_from=2026-11-02T00:00:00Z&received_to=2026-11-01T00:00:00Z", "received_to"),
        ("state=closed", "state"),
        ("limit=101", "limit"),
        ("page=0", "page"),
    ],
)
async def test_a_list_says_which_parameter_is_wrong(
    client: httpx.AsyncClient, admin: dict[str, str], query: str, field: str
) -> None:
    answer = await client.get(f"{PATH}?{query}", headers=admin)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


async def test_a_letter_is_shown_with_its_whole_message_and_its_attempts(
    client: httpx.AsyncClient, admin: dict[str, str], post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    for path in (f"{PATH}/{letter_id}", f"{PATH}/{letter_id}/"):
        data = (await client.get(path, headers=admin)).json()["data"]
        assert data["message"]["recipient"] == "john@example.com"
        assert data["message"]["variables"] == one.variables
        assert (data["message_base64"], data["message_note"]) == (None, None)
        assert data["headers"] == {"x-dead-reason": "retries_exhausted"}
        assert [(step["event"], step["attempt"]) for step in data["attempts"]] == [
            ("delivery_attempted", 1),
            ("failed", 2),
        ]


@pytest.mark.parametrize("body", [b"\xff\x00", b'{"a": "\\ud800"}', b"1e999", b"[" * 3000])
async def test_a_letter_that_is_no_json_is_shown_in_base64(
    client: httpx.AsyncClient, admin: dict[str, str], post: Post, body: bytes
) -> None:
    letter_id = await post.keep(body=body + f" {uuid4()}".encode())
    answer = await client.get(f"{PATH}/{letter_id}", headers=admin)
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data["message"] is None
    assert base64.b64decode(data["message_base64"]).startswith(body)
    assert "base64" in data["message_note"]
    assert (data["attempts"], data["recipient"]) == ([], None)


@pytest.mark.parametrize("letter_id", ["x", "%00", "%ff", str(UUID(int=0)), "notif_1"])
async def test_an_id_that_nothing_has_is_not_found(
    client: httpx.AsyncClient, admin: dict[str, str], letter_id: str
) -> None:
    for method, path in (
        ("GET", f"{PATH}/{letter_id}"),
        ("POST", f"{PATH}/{letter_id}/replay"),
        ("POST", f"{PATH}/{letter_id}/discard"),
        ("GET", f"{JOBS}/{letter_id}"),
    ):
        answer = await client.request(method, path, headers=admin)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_replay_is_idempotent_and_the_notification_is_pending_again(
    client: httpx.AsyncClient, admin: dict[str, str], post: Post, services: LoopbackServices
) -> None:
    one, letter_id = await post.failed_letter()
    person = uuid4()
    first = await client.post(
        f"{PATH}/{letter_id}/replay", headers=services.bearer(person, Role.ADMIN)
    )
    assert first.status_code == 200
    data = first.json()["data"]
    assert (data["state"], data["closed_by"]) == ("replayed", f"user:{person}")
    again = await client.post(f"{PATH}/{letter_id}/replay", headers=admin)
    assert (again.status_code, again.json()["data"]) == (200, data)
    assert len(await post.replayed(one)) == 1
    shown = await client.get(f"/api/v1/notifications/notif_{one.id.hex}", headers=admin)
    assert shown.json()["data"]["status"] == "pending"
    assert shown.json()["data"]["timeline"][-1]["event"] == "replayed"
    assert await rows_of(client, admin, template_code=post.template_code) == []
    [row] = await rows_of(client, admin, template_code=post.template_code, state="all")
    assert row == data


async def test_what_cannot_be_done_is_a_conflict_that_says_what_can(
    client: httpx.AsyncClient, admin: dict[str, str], post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    discarded = await client.post(f"{PATH}/{letter_id}/discard", headers=admin)
    assert (discarded.status_code, discarded.json()["data"]["state"]) == (200, "discarded")
    replay = await client.post(f"{PATH}/{letter_id}/replay", headers=admin)
    assert (replay.status_code, replay.json()["error"]) == (409, "conflict")
    assert "send a new notification" in replay.json()["message"]

    two, first = await post.failed_letter()
    await client.post(f"{PATH}/{first}/replay", headers=admin)
    discard = await client.post(f"{PATH}/{first}/discard", headers=admin)
    assert (discard.status_code, discard.json()["error"]) == (409, "conflict")
    about = {"notification_id": two.id, "delivery_id": two.deliveries[0].id}
    await post.record(outcome(OutcomeKind.FAILED, generation=1, **about))
    second = await post.dead(two, generation=1)
    stale = await client.post(f"{PATH}/{first}/replay", headers=admin)
    assert stale.status_code == 409
    assert str(second) in stale.json()["message"]

    unreadable = await client.post(f"{PATH}/{await post.keep()}/replay", headers=admin)
    assert unreadable.status_code == 409
    assert "cannot be read" in unreadable.json()["message"]
    assert (await post.found(one)).status is NotificationStatus.FAILED


async def test_a_dry_run_counts_and_does_nothing(
    client: httpx.AsyncClient, admin: dict[str, str], post: Post
) -> None:
    for reason in ("poison", "timeout", "timeout"):
        await post.failed_letter(reason=reason)
    body = {"filter": {"template_code": post.template_code}, "dry_run": True}
    before = (await client.get(JOBS, headers=admin)).json()["meta"]["total"]
    for action in ("replay", "discard"):
        answer = await client.post(f"{PATH}/{action}", json=body, headers=admin)
        assert answer.status_code == 200
        assert answer.json()["data"] == {
            "action": action,
            "total": 3,
            "by_reason": [{"reason": "timeout", "count": 2}, {"reason": "poison", "count": 1}],
            "by_template": [{"template_code": post.template_code, "count": 3}],
        }
    assert len(await rows_of(client, admin, template_code=post.template_code)) == 3
    assert (await client.get(JOBS, headers=admin)).json()["meta"]["total"] == before


async def test_a_job_is_accepted_and_its_progress_can_be_followed(
    client: httpx.AsyncClient,
    admin: dict[str, str],
    services: LoopbackServices,
    post: Post,
    database: Database,
) -> None:
    pairs = [await post.failed_letter() for _ in range(3)]
    await post.keep()
    person = uuid4()
    answer = await client.post(
        f"{PATH}/replay",
        json={"filter": {"template_code": post.template_code}},
        headers=services.bearer(person, Role.ADMIN),
    )
    assert answer.status_code == 202
    job = answer.json()["data"]
    assert answer.headers["Location"] == f"{JOBS}/{job['id']}"
    assert (job["total"], job["done"], job["skipped"], job["state"]) == (4, 0, 0, "running")
    assert (job["action"], job["requested_by"]) == ("replay", f"user:{person}")
    assert job["selection"] == {"filter": {"template_code": post.template_code}}

    jobs = PostgresDeadLetterJobs(database)
    await jobs.work_off(UUID(job["id"]), 2, NOW)
    shown = (await client.get(answer.headers["Location"], headers=admin)).json()["data"]
    assert (shown["done"] + shown["skipped"], shown["state"]) == (2, "running")
    while await jobs.work_off(UUID(job["id"]), 2, NOW):
        pass
    shown = (await client.get(answer.headers["Location"], headers=admin)).json()["data"]
    assert (shown["total"], shown["done"], shown["skipped"]) == (4, 3, 1)
    assert shown["state"] == "completed"
    assert shown["finished_at"] is not None
    listed = (await client.get(JOBS, headers=admin)).json()["data"]
    assert shown in listed
    assert len(await post.replayed(*(one for one, _ in pairs))) == 3
    states = {row["state"] for row in await rows_of(client, admin, state="replayed", limit=100)}
    assert states == {"replayed"}


async def test_a_job_by_ids_refuses_ids_that_no_letter_has(
    client: httpx.AsyncClient, admin: dict[str, str], post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    stranger = str(uuid4())
    for dry_run in (True, False):
        answer = await client.post(
            f"{PATH}/replay",
            json={"ids": [str(letter_id), stranger], "dry_run": dry_run},
            headers=admin,
        )
        assert answer.status_code == 404
        assert stranger in answer.json()["message"]
    assert await post.replayed(one) == []
    answer = await client.post(f"{PATH}/discard", json={"ids": [str(letter_id)]}, headers=admin)
    assert (answer.status_code, answer.json()["data"]["total"]) == (202, 1)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["ids"]),
        ({"ids": []}, ["ids"]),
        ({"ids": ["x"]}, ["ids.0"]),
        ({"filter": {}}, ["filter"]),
        ({"filter": {"channel": "email"}}, ["filter.channel"]),
        ({"filter": {"received_to": "now"}}, ["filter.received_to"]),
        ({"all": False}, ["all"]),
        ({"all": True, "filter": {"reason": "x"}}, ["filter", "all"]),
        ({"all": True, "dry_run": "true"}, ["dry_run"]),
        ({"all": True, "force": True}, ["force"]),
    ],
)
async def test_a_selection_that_is_wrong_starts_nothing(
    client: httpx.AsyncClient, admin: dict[str, str], body: dict[str, Any], fields: list[str]
) -> None:
    for action in ("replay", "discard"):
        answer = await client.post(f"{PATH}/{action}", json=body, headers=admin)
        assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
        assert [detail["field"] for detail in answer.json()["details"]] == fields
