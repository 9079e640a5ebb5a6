"""How much is fuzzed, from which seed, and how the time is shared out."""

from dataclasses import dataclass
from typing import Final

SHARES: Final = {
    "api-gateway": 0.45,
    "user-service": 0.25,
    "template-service": 0.2,
    "email-service": 0.06,
    "push-service": 0.02,
    "relay": 0.02,
}
"""Of the time, by what there is to be found: routes, and code behind them."""

SHORT_EXAMPLES: Final = 25
"""For each operation in the short form, beside those that cover the schema's own borders."""


@dataclass(frozen=True)
class Plan:
    """`minutes`: None is the short form, in which the number of examples bounds the time."""

    seed: int
    minutes: float | None

    def arguments(self, service: str) -> list[str]:
        """For schemathesis' command line."""
        if self.minutes is None:
            return [f"--seed={self.seed}", f"--max-examples={SHORT_EXAMPLES}"]
        seconds = max(1, round(self.minutes * 60 * SHARES[service]))
        return [f"--seed={self.seed}", f"--max-time={seconds}"]

    def repeat(self) -> str:
        """The command that does it again."""
        if self.minutes is None:
            return f'make test-fuzz ARGS="--seed {self.seed}"'
        return f'make fuzz ARGS="--seed {self.seed} --minutes {self.minutes:g}"'
