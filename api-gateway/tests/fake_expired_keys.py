"""Expired keys in memory: so many, and nothing else about them."""


class FakeExpiredKeys:
    """`error`: raised by the next calls; `limits`: what was asked for."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.limits: list[int] = []
        self.error: Exception | None = None

    async def delete(self, limit: int) -> int:
        if self.error is not None:
            raise self.error
        self.limits.append(limit)
        deleted = min(limit, self.count)
        self.count -= deleted
        return deleted
