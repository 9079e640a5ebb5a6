"""The rows of the table of results, written down as they come, so that a broken run has some."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.faults.checker import Score


@dataclass(frozen=True)
class Result:
    """One scenario's row.

    Attributes:
        scenario: Its name.
        seconds: How long it took, from making its users to the score.
        score: What came out.
        sabotaged: A broken engine ran it: the score has to be red.
        remark: What else it showed.
    """

    scenario: str
    seconds: float
    score: Score
    sabotaged: bool = False
    remark: str = ""


class Results:
    """All rows of a session.

    Args:
        seed: Of the session.
        file: Where they are written for `render_results`; None: nowhere.
        say: Is told of each.
    """

    def __init__(self, seed: int, file: Path | None, say: Callable[[str], None]) -> None:
        self._seed = seed
        self._file = file
        self._say = say
        self._rows: list[Result] = []

    def add(self, result: Result) -> None:
        """Put a row into the table."""
        self._rows.append(result)
        self._say(f"\n{result.scenario} ({result.seconds:.0f} s): {result.score}")
        self._write()

    def remark(self, words: str) -> None:
        """Say in the table what else the last scenario showed."""
        self._rows[-1] = replace(self._rows[-1], remark=words)
        self._say(f"  {words}")
        self._write()

    def _write(self) -> None:
        if self._file is None:
            return
        rows = [
            {**asdict(row), "passed": row.score.passed, "complaints": row.score.complaints}
            for row in self._rows
        ]
        self._file.write_text(json.dumps({"seed": self._seed, "rows": rows}, indent=2) + "\n")
