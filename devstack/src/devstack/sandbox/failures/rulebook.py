"""The rules in force for one target, and the choice of the one that meets an attempt."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from devstack.sandbox.failures.rule import FailureRule, Stage, Target


@dataclass(slots=True)
class _Entry:
    rule: FailureRule
    used: int = 0

    @property
    def spent(self) -> bool:
        return self.rule.times is not None and self.used >= self.rule.times


class Rulebook:
    """Rules in order; the first that matches an attempt decides and is counted."""

    def __init__(self, target: Target, random: Callable[[], float]) -> None:
        self.target = target
        self._random = random
        self._entries: list[_Entry] = []

    def replace(self, rules: Iterable[FailureRule]) -> None:
        """Put these rules in force, counted from zero; ValueError where one does not fit."""
        entries = []
        for number, rule in enumerate(rules):
            try:
                rule.check_for(self.target)
            except ValueError as error:
                raise ValueError(f"{number}.{error}") from None
            entries.append(_Entry(rule))
        self._entries = entries

    def describe(self) -> list[dict[str, Any]]:
        """The rules as they were given, each with how often it was `used`."""
        return [
            {**entry.rule.model_dump(exclude_none=True), "used": entry.used}
            for entry in self._entries
        ]

    def choose(
        self, recipients: Iterable[str] = (), stage: Stage | None = None
    ) -> FailureRule | None:
        """The rule for this attempt, or None when it should go well.

        An SMTP rule without a stage acts at `data`; `recipient` is a glob, case ignored.
        """
        addresses = [recipient.lower() for recipient in recipients]
        for entry in self._entries:
            rule = entry.rule
            if entry.spent or (stage is not None and (rule.stage or "data") != stage):
                continue
            if rule.recipient is not None and not any(
                fnmatchcase(address, rule.recipient.lower()) for address in addresses
            ):
                continue
            if rule.probability is not None and self._random() >= rule.probability:
                continue
            entry.used += 1
            return rule
        return None
