"""Named places between two steps at which a worker can be made to die."""


class Crash(BaseException):
    """The process is gone."""


class CrashPoints:
    """Counts the places that are passed, and dies at the chosen one.

    Args:
        die_at: Which passage, from 0; None: none.
    """

    def __init__(self, die_at: int | None = None) -> None:
        self._die_at = die_at
        self.passed: list[str] = []

    def reach(self, name: str) -> None:
        self.passed.append(name)
        if self._die_at == len(self.passed) - 1:
            raise Crash(name)

    @property
    def place_of_death(self) -> str | None:
        if self._die_at is None or self._die_at >= len(self.passed):
            return None
        return self.passed[self._die_at]
