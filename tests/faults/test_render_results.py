"""The table in docs/reliability.md."""

from dataclasses import asdict
from typing import Any

import pytest
from tests.faults.checker import Evidence, ProviderLine, Request, score
from tests.faults.render_results import BEGIN, END, put_between_markers, render


def row(status: str, *, sabotaged: bool = False, remark: str = "") -> dict[str, Any]:
    lines = [ProviderLine("a", "one@example.com", accepted=True, code=250)]
    result = score(Evidence({"a": Request("one@example.com", status)}, lines))
    return {
        "scenario": f"it is {status}",
        "seconds": 30,
        "sabotaged": sabotaged,
        "remark": remark,
        "score": asdict(result),
        "passed": result.passed,
    }


def test_a_row_tells_the_numbers_and_whether_the_promise_was_kept() -> None:
    section = render({"seed": 7, "rows": [row("delivered", remark="at once")]})
    assert "| it is delivered; at once | 1 | 1 | 0 | 0 | 0 (0) | 0 | kept |" in section
    assert "Seed 7; 1 scenarios and 0 broken engines" in section


def test_requests_that_were_not_accepted_are_told_where_there_are_any() -> None:
    answered, unanswered = row("delivered"), row("delivered")
    unanswered["score"]["unanswered"] = 3
    section = render({"seed": 7, "rows": [answered, unanswered]})
    assert section.count("| 1 | 1 |") == 1
    assert "| 1 (+ 3 not accepted) | 1 |" in section


def test_a_broken_promise_and_a_broken_engine_read_differently() -> None:
    section = render({"seed": 7, "rows": [row("pending"), row("pending", sabotaged=True)]})
    assert "| 1 | **broken** |" in section
    assert "| 1 | found broken |" in section


def test_only_what_is_between_the_markers_is_rewritten() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = put_between_markers(document, "new\n")
    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert put_between_markers(once, "new\n") == once


def test_a_document_without_markers_is_left_alone() -> None:
    with pytest.raises(ValueError, match="no lines"):
        put_between_markers("before\nafter\n", "new\n")
