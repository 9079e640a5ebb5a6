import asyncio
import time
from collections.abc import Iterator

import pytest
from passwords_suite import PasswordsSuite

from contracts.error_codes import ErrorCode
from servicekit.errors import UnavailableError
from user_service.adapters.argon2_passwords import Argon2Passwords


@pytest.fixture
def passwords() -> Iterator[Argon2Passwords]:
    passwords = Argon2Passwords()
    yield passwords
    passwords.close()


class TestArgon2Passwords(PasswordsSuite):
    pass


async def test_hashes_with_the_parameters_of_owasp(passwords: Argon2Passwords) -> None:
    assert (await passwords.hash("x" * 8)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_the_event_loop_goes_on_while_passwords_are_hashed(
    passwords: Argon2Passwords,
) -> None:
    hashing = asyncio.gather(*(passwords.hash("correct horse") for _ in range(8)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    await hashing
    assert turns > 8  # blocked by each hash, the loop would turn at most once between two


async def test_too_many_at_once_are_refused() -> None:
    passwords = Argon2Passwords(max_waiting=2)
    try:
        results = await asyncio.gather(
            *(passwords.verify("x", None) for _ in range(5)), return_exceptions=True
        )
    finally:
        passwords.close()
    refused = [result for result in results if isinstance(result, UnavailableError)]
    assert [error.code for error in refused] == [ErrorCode.OVERLOADED] * 3
    assert results.count(False) == 2


async def test_nobodys_password_takes_as_long_as_a_wrong_one(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("correct horse")

    async def fastest(against: str | None) -> float:
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            await passwords.verify("wrong", against)
            seconds.append(time.perf_counter() - started)
        return min(seconds)

    assert await fastest(None) > await fastest(hashed) / 3
