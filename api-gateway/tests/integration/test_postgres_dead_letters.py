"""Reading dead letters, and replaying or discarding one, in PostgreSQL."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from letters import Post
from queues import until
from samples import NOW, message_of, outcome
from sqlalchemy import text

from api_gateway.adapters.outcome_merge import merge_outcomes
from api_gateway.adapters.postgres_dead_letter_keeper import PostgresDeadLetterKeeper
from api_gateway.adapters.postgres_dead_letters import PostgresDeadLetters
from api_gateway.domain.close_letter import Refused
from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetter,
    LetterFilter,
    LetterState,
    Selection,
    SelectionCount,
)
from api_gateway.domain.failed_message import FailedMessage, read_failed_message
from contracts.delivery_message import HEADER_DEAD_REASON
from contracts.notification import NotificationStatus, NotificationType
from contracts.outcome import OutcomeKind, outcome_event_id
from servicekit.database import Database

REPLAY, DISCARD = ClosingAction.REPLAY, ClosingAction.DISCARD
Status = NotificationStatus


@pytest.fixture
def letters(database: Database) -> PostgresDeadLetters:
    return PostgresDeadLetters(database)


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


async def close(
    letters: PostgresDeadLetters, letter_id: UUID, action: ClosingAction = REPLAY
) -> DeadLetter | Refused | None:
    return await letters.close(letter_id, action, closed_by="user:admin", now=NOW)


async def test_a_replay_makes_it_pending_again_and_leaves_one_message(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    assert (await post.found(one)).status is Status.FAILED
    closed = await close(letters, letter_id)
    assert isinstance(closed, DeadLetter)
    assert (closed.state, closed.closed_by) == (LetterState.REPLAYED, "user:admin")
    assert closed.closed_at is not None
    after = await post.found(one)
    assert (after.status, after.reason) == (Status.PENDING, None)
    assert (after.deliveries[0].status, after.deliveries[0].attempts) == (Status.PENDING, 2)
    assert (after.timeline[-1].kind, after.timeline[-1].generation) == ("replayed", 1)
    [message] = await post.replayed(one)
    assert (message.generation, message.retry_count, message.provider_failures) == (1, 0, 0)
    assert (message.pinned_provider, message.not_before) == (None, None)
    assert (message.variables, message.recipient) == (one.variables, one.deliveries[0].recipient)


async def test_what_is_still_reported_of_the_old_generation_no_longer_counts(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    await close(letters, letter_id)
    about = {"notification_id": one.id, "delivery_id": one.deliveries[0].id}
    await post.record(outcome(OutcomeKind.BOUNCED, **about))
    assert (await post.found(one)).status is Status.PENDING
    await post.record(outcome(OutcomeKind.SENT, generation=1, **about))
    assert (await post.found(one)).status is Status.DELIVERED


async def test_a_second_replay_answers_the_same_and_does_nothing(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    first = await close(letters, letter_id)
    again = await letters.close(letter_id, REPLAY, closed_by="user:other", now=NOW)
    assert again == first
    assert len(await post.replayed(one)) == 1
    kinds = [event.kind for event in (await post.found(one)).timeline]
    assert kinds.count("replayed") == 1


async def test_of_many_replays_at_once_one_is_published(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    async with asyncio.timeout(20):
        results = await asyncio.gather(*(close(letters, letter_id) for _ in range(20)))
    assert all(isinstance(result, DeadLetter) for result in results)
    assert len(set(map(repr, results))) == 1
    assert len(await post.replayed(one)) == 1


async def test_a_replay_and_a_discard_at_once_leave_one_decision(
    letters: PostgresDeadLetters, post: Post
) -> None:
    for _ in range(5):
        one, letter_id = await post.failed_letter()
        results = await asyncio.gather(
            close(letters, letter_id, REPLAY), close(letters, letter_id, DISCARD)
        )
        refused = [result for result in results if isinstance(result, Refused)]
        assert len(refused) == 1
        state, _ = await post.state_of(letter_id)
        is_replayed = state is LetterState.REPLAYED
        assert len(await post.replayed(one)) == int(is_replayed)
        expected = Status.PENDING if is_replayed else Status.FAILED
        assert (await post.found(one)).status is expected


async def test_letters_of_one_notification_replayed_at_once_do_not_lock_each_other_out(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one = await post.failed(deliveries=6)
    ids = [await post.dead(one, index) for index in range(6)]
    late = [
        outcome(OutcomeKind.DELIVERY_ATTEMPTED, notification_id=one.id, delivery_id=item.id)
        for item in one.deliveries
    ]
    async with asyncio.timeout(20):
        await asyncio.gather(
            *(close(letters, letter_id) for letter_id in ids for _ in range(2)),
            *(post.record(*late[index:], *late[:index]) for index in range(6)),
        )
    assert sorted(message.delivery_id for message in await post.replayed(one)) == sorted(
        item.id for item in one.deliveries
    )
    assert {item.status for item in (await post.found(one)).deliveries} == {Status.PENDING}


async def test_what_failed_again_is_replayed_by_its_newer_letter_alone(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one, first = await post.failed_letter()
    await close(letters, first)
    about = {"notification_id": one.id, "delivery_id": one.deliveries[0].id}
    await post.record(outcome(OutcomeKind.FAILED, generation=1, attempt=6, **about))
    second = await post.dead(one, generation=1)
    for action in ClosingAction:
        refused = await close(letters, first, action)
        assert isinstance(refused, Refused)
        assert str(second) in refused.message
    assert isinstance(await close(letters, second), DeadLetter)
    assert [message.generation for message in await post.replayed(one)] == [1, 2]
    assert (await post.found(one)).status is Status.PENDING


async def test_a_replay_and_the_drain_of_further_copies_leave_one_message_and_one_letter(
    letters: PostgresDeadLetters, post: Post, database: Database
) -> None:
    keeper = PostgresDeadLetterKeeper(database)
    for _ in range(10):
        one, letter_id = await post.failed_letter()
        found = await letters.find(letter_id)
        assert found is not None
        copy = read_failed_message(FailedMessage(found.body, found.letter.headers), NOW)
        async with asyncio.timeout(20):
            await asyncio.gather(
                keeper.keep([copy]), close(letters, letter_id), keeper.keep([copy, copy])
            )
        assert len(await post.replayed(one)) == 1
        assert (await post.found(one)).status is Status.PENDING
        mine = LetterFilter(template_code=post.template_code)
        rows, _ = await letters.page(mine, LetterState.OPEN, offset=0, limit=100)
        assert rows == []


async def test_what_the_drain_keeps_is_replayed(
    letters: PostgresDeadLetters, post: Post, database: Database
) -> None:
    one = await post.failed()
    message = message_of(one, one.deliveries[0])
    kept = read_failed_message(
        FailedMessage(message.model_dump_json().encode(), {HEADER_DEAD_REASON: "poison"}), NOW
    )
    assert await PostgresDeadLetterKeeper(database).keep([kept]) == 1
    mine = LetterFilter(template_code=post.template_code, reason="poison")
    [row], _ = await letters.page(mine, LetterState.OPEN, offset=0, limit=100)
    assert isinstance(await close(letters, row.id), DeadLetter)
    assert await post.replayed(one) == [message.model_copy(update={"generation": 1})]
    kinds = [event.kind for event in (await post.found(one)).timeline]
    assert (kinds.count("dead_lettered"), kinds[-1]) == (1, "replayed")


async def test_a_letter_of_what_was_delivered_after_all_is_not_sent_again(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    about = {"notification_id": one.id, "delivery_id": one.deliveries[0].id}
    await post.record(outcome(OutcomeKind.SENT, **about))
    refused = await close(letters, letter_id)
    assert isinstance(refused, Refused)
    assert "is delivered" in refused.message
    assert await post.replayed(one) == []
    assert (await post.state_of(letter_id))[0] is LetterState.OPEN
    assert isinstance(await close(letters, letter_id, DISCARD), DeadLetter)
    assert (await post.found(one)).status is Status.DELIVERED


async def test_a_replay_waits_for_what_is_being_recorded_and_then_decides(
    letters: PostgresDeadLetters, post: Post, database: Database
) -> None:
    one, letter_id = await post.failed_letter()
    about = {"notification_id": one.id, "delivery_id": one.deliveries[0].id}

    async def is_waiting() -> bool:
        async with database.transaction() as connection:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            return bool(await connection.scalar(text(waiting)))

    async with database.transaction() as recording:
        await merge_outcomes(recording, [outcome(OutcomeKind.SENT, **about)])
        replay = asyncio.create_task(close(letters, letter_id))
        await until(is_waiting)
    refused = await replay
    assert isinstance(refused, Refused)
    assert "is delivered" in refused.message
    assert await post.replayed(one) == []


async def test_a_discard_is_written_down_and_sends_nothing(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    closed = await close(letters, letter_id, DISCARD)
    assert isinstance(closed, DeadLetter)
    assert (closed.state, closed.closed_by) == (LetterState.DISCARDED, "user:admin")
    after = await post.found(one)
    assert (after.status, after.reason) == (Status.FAILED, "smtp_451")
    assert [event.kind for event in after.timeline].count("discarded") == 1
    assert await close(letters, letter_id, DISCARD) == closed
    assert isinstance(await close(letters, letter_id, REPLAY), Refused)
    assert await post.replayed(one) == []


async def test_an_outcome_that_can_be_recorded_now_is(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one = await post.failed()
    event = outcome(OutcomeKind.SENT, notification_id=one.id, delivery_id=one.deliveries[0].id)
    letter_id = await post.keep(body=event.model_dump_json().encode())
    assert isinstance(await close(letters, letter_id), DeadLetter)
    assert (await post.found(one)).status is Status.DELIVERED


@pytest.mark.parametrize(
    ("known", "changes", "why"),
    [
        (False, {}, "not known here"),
        (True, {"reason": "r" * 101}, "SQLSTATE 22001"),
        (True, {"detail": "a\0b"}, "SQLSTATE 22"),
    ],
)
async def test_an_outcome_that_still_cannot_be_recorded_stays_open(
    letters: PostgresDeadLetters, post: Post, known: bool, changes: dict[str, Any], why: str
) -> None:
    one = await post.failed()
    about: dict[str, Any] = {
        "notification_id": one.id if known else uuid4(),
        "delivery_id": one.deliveries[0].id,
    }
    event = outcome(OutcomeKind.SENT, **about, **changes)
    letter_id = await post.keep(body=event.model_dump_json().encode())
    refused = await close(letters, letter_id)
    assert isinstance(refused, Refused)
    assert why in refused.message
    assert await post.state_of(letter_id) == (LetterState.OPEN, None)
    assert (await post.found(one)).status is Status.FAILED


async def test_a_message_of_another_notification_s_delivery_is_not_sent(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one, other = await post.failed(), await post.failed()
    mixed = type(one)(**{**vars(one), "deliveries": other.deliveries})
    letter_id = await post.dead(mixed)
    refused = await close(letters, letter_id)
    assert isinstance(refused, Refused)
    assert "not known here" in refused.message
    assert await post.replayed(one, other) == []


async def test_what_does_not_exist_is_told(letters: PostgresDeadLetters, post: Post) -> None:
    letter_id = await post.keep()
    stranger = uuid4()
    assert await letters.find(stranger) is None
    assert await close(letters, stranger) is None
    assert await letters.missing([stranger, letter_id]) == {stranger}


async def test_a_letter_is_read_with_its_bytes_and_the_whole_history_of_its_delivery(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one = await post.failed(deliveries=2)
    letter_id = await post.dead(one, 1, detail="451 later")
    found = await letters.find(letter_id)
    assert found is not None
    letter = found.letter
    assert (letter.id, letter.delivery_id, letter.recipient, letter.detail) == (
        letter_id,
        one.deliveries[1].id,
        "john@example.com",
        "451 later",
    )
    assert letter.headers == {"x-dead-reason": "retries_exhausted"}
    assert str(one.deliveries[1].id).encode() in found.body
    assert [(event.kind, event.attempt) for event in found.attempts] == [
        ("delivery_attempted", 1),
        ("failed", 2),
    ]
    assert {event.delivery_id for event in found.attempts} == {one.deliveries[1].id}
    unreadable = await letters.find(await post.keep(body=b"\x00\xff", template_code=None))
    assert unreadable is not None
    assert (unreadable.body, unreadable.attempts) == (b"\x00\xff", ())


async def pages(
    letters: PostgresDeadLetters, wanted: LetterFilter, state: LetterState | None, limit: int
) -> tuple[Sequence[UUID], int]:
    """All pages one after the other, and the total."""
    ids: list[UUID] = []
    while True:
        rows, total = await letters.page(wanted, state, offset=len(ids), limit=limit)
        if not rows:
            return ids, total
        ids += [row.id for row in rows]


async def test_lists_show_the_newest_first_page_by_page(
    letters: PostgresDeadLetters, post: Post
) -> None:
    ids = [await post.keep() for _ in range(7)]
    for index, letter_id in enumerate(ids):
        # Two of each time, so that the id has to decide.
        await post.received(letter_id, NOW + timedelta(minutes=index // 2))
    mine = LetterFilter(template_code=post.template_code)
    assert await pages(letters, mine, LetterState.OPEN, 3) == (ids[::-1], 7)


async def test_each_filter_narrows_the_list(letters: PostgresDeadLetters, post: Post) -> None:
    email = await post.keep(notification_type="email", reason="poison")
    push = await post.keep(notification_type="push")
    await post.received(push, NOW)
    await post.received(email, NOW + timedelta(hours=1))
    discarded = await post.keep(notification_type="email")
    await close(letters, discarded, DISCARD)

    async def shown(state: LetterState | None = LetterState.OPEN, **fields: Any) -> set[UUID]:
        rows, total = await letters.page(
            LetterFilter(template_code=post.template_code, **fields), state, offset=0, limit=100
        )
        assert total == len(rows)
        return {row.id for row in rows}

    assert await shown() == {email, push}
    assert await shown(None) == {email, push, discarded}
    assert await shown(LetterState.DISCARDED) == {discarded}
    assert await shown(notification_type=NotificationType.PUSH) == {push}
    assert await shown(reason="poison") == {email}
    assert await shown(received_from=NOW) == {email, push}
    assert await shown(received_to=NOW + timedelta(hours=1)) == {push}
    assert await shown(received_from=NOW + timedelta(seconds=1)) == {email}


async def test_a_selection_is_counted_by_reason_and_template(
    letters: PostgresDeadLetters, post: Post
) -> None:
    ids = [await post.keep(reason=reason) for reason in ("poison", "timeout", "timeout")]
    closed = await post.keep()
    await close(letters, closed, DISCARD)
    nothing = await post.keep(template_code=None)
    mine = Selection(filter=LetterFilter(template_code=post.template_code))
    assert await letters.count(mine) == SelectionCount(
        3, (("timeout", 2), ("poison", 1)), ((post.template_code, 3),)
    )
    chosen = Selection(ids=(ids[0], closed, nothing))
    assert await letters.count(chosen) == SelectionCount(
        2, (("poison", 1), ("retries_exhausted", 1)), ((post.template_code, 1), (None, 1))
    )


async def test_the_event_of_a_replay_is_the_same_whoever_makes_it(
    letters: PostgresDeadLetters, post: Post
) -> None:
    one, letter_id = await post.failed_letter()
    await close(letters, letter_id)
    event_id = outcome_event_id(OutcomeKind.REPLAYED, one.deliveries[0].id, 1)
    before = await post.found(one)
    await post.record(
        outcome(
            OutcomeKind.REPLAYED,
            notification_id=one.id,
            delivery_id=one.deliveries[0].id,
            event_id=event_id,
            generation=1,
            attempt=0,
        )
    )
    assert len((await post.found(one)).timeline) == len(before.timeline)
