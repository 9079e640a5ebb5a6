"""The fakes of dead letters pass the suite that PostgreSQL passes."""

from uuid import UUID

import pytest
from dead_letters_suite import DeadLettersSuite, Kept
from fake_dead_letters import FakeDeadLetterJobs, FakeDeadLetters
from letter_samples import letter
from samples import message_of, notification


def keep_deliverable(letters: FakeDeadLetters, template_code: str) -> UUID:
    one = notification(template_code=template_code)
    message = message_of(one, one.deliveries[0])
    return keep(letters, template_code, message.model_dump_json().encode())


def keep(letters: FakeDeadLetters, template_code: str, body: bytes) -> UUID:
    one = letter(template_code=template_code)
    letters.letters[one.id], letters.bodies[one.id] = one, body
    return one.id


class TestFakeDeadLetters(DeadLettersSuite):
    @pytest.fixture
    def kept(self) -> Kept:
        letters = FakeDeadLetters()

        async def deliverable(template_code: str) -> UUID:
            return keep_deliverable(letters, template_code)

        async def unreadable(template_code: str) -> UUID:
            return keep(letters, template_code, b"\xff")

        return Kept(letters, FakeDeadLetterJobs(letters), deliverable, unreadable)
