"""The table at the end of a benchmark: what was measured, what is required, what is met."""

from dataclasses import dataclass, field
from enum import StrEnum


class Bound(StrEnum):
    """On which side of the required figure a measured one must lie."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True)
class Figure:
    """One measured figure; without a requirement it is only reported."""

    name: str
    value: float
    unit: str = ""
    bound: Bound | None = None
    required: float = 0.0
    decimals: int = 2

    @property
    def is_met(self) -> bool:
        """Whether it meets its requirement."""
        match self.bound:
            case Bound.AT_LEAST:
                return self.value >= self.required
            case Bound.AT_MOST:
                return self.value <= self.required
            case None:
                return True


@dataclass
class Report:
    """Figures in the order in which they were measured."""

    figures: list[Figure] = field(default_factory=list)

    @property
    def is_met(self) -> bool:
        """Whether each figure meets its requirement."""
        return all(figure.is_met for figure in self.figures)

    def add(self, *figures: Figure) -> None:
        """Note figures, and print them as they come."""
        for figure in figures:
            print(_line(figure), flush=True)
        self.figures += figures

    def table(self) -> str:
        """All figures as lines of text."""
        return "\n".join(_line(figure) for figure in self.figures)


def _line(figure: Figure) -> str:
    value = f"{figure.value:,.{figure.decimals}f} {figure.unit}".rstrip()
    if figure.bound is None:
        return f"{figure.name:<58} {value:>14}"
    required = f"{figure.bound} {figure.required:,.{figure.decimals}f}"
    return f"{figure.name:<58} {value:>14}   {required:<16} {'met' if figure.is_met else 'MISSED'}"
