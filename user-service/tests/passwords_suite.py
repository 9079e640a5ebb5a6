"""How all `Passwords` behave; inherited by the tests of the fake and of Argon2."""

import pytest

from user_service.domain.ports import Passwords


class PasswordsSuite:
    @pytest.mark.parametrize("password", ["correct horse", "Fußgängerübergänge 🚸" * 12, " " * 8])
    async def test_a_hash_is_its_passwords_only(self, passwords: Passwords, password: str) -> None:
        hashed = await passwords.hash(password)
        assert await passwords.verify(password, hashed)
        assert not await passwords.verify(password + "x", hashed)
        assert not await passwords.verify("", hashed)

    async def test_equal_passwords_have_different_hashes(self, passwords: Passwords) -> None:
        assert await passwords.hash("correct horse") != await passwords.hash("correct horse")

    async def test_without_a_hash_no_password_is_right(self, passwords: Passwords) -> None:
        assert not await passwords.verify("correct horse", None)
