"""Passwords that cost nothing; `PasswordsSuite` shows that they behave as Argon2's do."""


class FakePasswords:
    def __init__(self) -> None:
        self._hashes = 0
        self.verified: list[str | None] = []

    async def hash(self, password: str) -> str:
        self._hashes += 1
        return f"{self._hashes}${password[::-1]}"

    async def verify(self, password: str, hashed: str | None) -> bool:
        self.verified.append(hashed)
        return hashed is not None and hashed.partition("$")[2] == password[::-1]
