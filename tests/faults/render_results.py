"""Puts the table of results of `make faults` into docs/reliability.md, between its two markers.

As a program: `python tests/faults/render_results.py RESULTS.json docs/reliability.md`.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- results of `make faults`: generated, do not edit -->"
END: Final = "<!-- end of the results -->"

_HEAD: Final = (
    "| fault | accepted | sends | lost | unexpected | duplicates (allowed) | wrong states "
    "| promise |\n|---|--:|--:|--:|--:|--:|--:|---|\n"
)


def render(results: Mapping[str, Any]) -> str:
    """The two tables: the scenarios, and the broken engines that the checker has to find."""
    rows = results["rows"]
    whole = [row for row in rows if not row["sabotaged"]]
    broken = [row for row in rows if row["sabotaged"]]
    minutes = sum(row["seconds"] for row in rows) / 60
    return (
        f"Seed {results['seed']}; {len(whole)} scenarios and {len(broken)} broken engines in "
        f"{minutes:.0f} minutes.\n\n"
        f"{_table(whole)}\n"
        "The same checker on engines with one part replaced by a broken one; each has to be red:"
        f"\n\n{_table(broken)}"
    )


def put_between_markers(document: str, section: str) -> str:
    """The document with another section between its markers.

    Raises:
        ValueError: It has no markers.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        msg = f"there are no lines {BEGIN} and {END} in it"
        raise ValueError(msg)
    return f"{before}{BEGIN}\n\n{section}\n{END}{after}"


def _table(rows: Iterable[Mapping[str, Any]]) -> str:
    return _HEAD + "".join(_row(row) for row in rows)


def _row(row: Mapping[str, Any]) -> str:
    score = row["score"]
    allowed = score["allowed"] + score["excused"]
    verdict = "kept" if row["passed"] else "**broken**"
    if row["sabotaged"]:
        verdict = "**not found**" if row["passed"] else "found broken"
    unanswered = f" (+ {score['unanswered']} not accepted)" if score["unanswered"] else ""
    scenario = f"{row['scenario']}; {row['remark']}" if row["remark"] else row["scenario"]
    cells = (
        scenario,
        f"{score['accepted']}{unanswered}",
        score["sends"],
        len(score["lost"]),
        len(score["unexpected"]),
        f"{score['duplicates']} ({allowed})",
        len(score["wrong_states"]),
        verdict,
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |\n"


def main(results: str, document: str) -> None:
    """Rewrite the document."""
    path = Path(document)
    section = render(json.loads(Path(results).read_text()))
    path.write_text(put_between_markers(path.read_text(), section))


if __name__ == "__main__":
    main(*sys.argv[1:])
