"""What the operator reads: plain text, safe to print whatever a letter holds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Document = Mapping[str, Any]

COUNTED: Final = 10_000
"""Up to here the API's totals are exact."""

_WIDEST: Final = 40
_LETTER_COLUMNS: Final = {
    "received_at": "RECEIVED (UTC)",
    "id": "ID",
    "notification_type": "TYPE",
    "template_code": "TEMPLATE",
    "recipient": "RECIPIENT",
    "reason": "REASON",
    "state": "STATE",
}
_JOB_COLUMNS: Final = {
    "created_at": "CREATED (UTC)",
    "id": "ID",
    "action": "ACTION",
    "progress": "DONE",
    "skipped": "SKIPPED",
    "state": "STATE",
    "requested_by": "BY",
}
_ATTEMPT_COLUMNS: Final = {
    "at": "AT (UTC)",
    "event": "EVENT",
    "generation": "GEN",
    "attempt": "ATTEMPT",
    "provider": "PROVIDER",
    "reply_code": "CODE",
    "reason": "REASON",
    "detail": "DETAIL",
}
_TIMES: Final = {"received_at", "created_at", "at"}
_IN_FULL: Final = {"id", "requested_by", "detail"}


def printable(value: Any) -> str:
    """A value without anything that would move a terminal's cursor or change its colours."""
    text = "-" if value is None or value == "" else str(value)
    return "".join(character if character.isprintable() else "?" for character in text)


def letters_page(rows: Sequence[Document], meta: Document) -> str:
    """A page of letters."""
    if not rows:
        return _nothing("dead letters", meta)
    return f"{_table(rows, _LETTER_COLUMNS)}\n{_place(meta)}"


def jobs_page(rows: Sequence[Document], meta: Document) -> str:
    """A page of jobs."""
    if not rows:
        return _nothing("jobs", meta)
    shown = [{**row, "progress": f"{row['done']}/{row['total']}"} for row in rows]
    return f"{_table(shown, _JOB_COLUMNS)}\n{_place(meta)}"


def letter_in_full(letter: Document) -> str:
    """One letter, its message and its attempts."""
    apart = {"message", "message_base64", "message_note", "attempts", "headers"}
    facts = {key: value for key, value in letter.items() if key not in apart}
    facts |= {f"header {key}": value for key, value in letter["headers"].items()}
    width = max(len(printable(key)) for key in facts)
    lines = [f"{printable(key):<{width}}  {printable(value)}" for key, value in facts.items()]
    lines += ["", "Message:", *_message(letter), "", "Attempts:"]
    attempts = letter["attempts"]
    lines.append(_table(attempts, _ATTEMPT_COLUMNS) if attempts else "none that are known here")
    return "\n".join(lines)


def counted(count: Document) -> str:
    """What a job would be for."""
    lines = [f"{count['total']} to {count['action']}; nothing was done."]
    for title, key, name in (
        ("by reason", "by_reason", "reason"),
        ("by template", "by_template", "template_code"),
    ):
        if count[key]:
            lines.append(f"  {title}:")
            lines += [f"  {row['count']:>8}  {printable(row[name])}" for row in count[key]]
    return "\n".join(lines)


def progress(job: Document) -> str:
    """How far a job has come, in a line."""
    seen = job["done"] + job["skipped"]
    verb = {"replay": "replayed", "discard": "discarded"}.get(job["action"], "done")
    line = f"{seen} of {job['total']}: {job['done']} {verb}, {job['skipped']} skipped"
    return f"{line}. Completed." if job["state"] == "completed" else line


def _message(letter: Document) -> Iterable[str]:
    if letter["message_base64"] is None:
        text = json.dumps(letter["message"], indent=2, ensure_ascii=False)
        return [printable(line) for line in text.splitlines()]
    return [printable(letter["message_note"]), printable(letter["message_base64"])]


def _nothing(things: str, meta: Document) -> str:
    if meta["page"] > 1:
        return f"There is no page {meta['page']}; the last is {meta['total_pages']}."
    return f"There are no {things} of this kind."


def _place(meta: Document) -> str:
    total = meta["total"]
    many = f"{total} or more" if total >= COUNTED else f"{total}"
    return f"Page {meta['page']} of {meta['total_pages']}; {many} in all."


def _table(rows: Sequence[Document], columns: Mapping[str, str]) -> str:
    cells = [list(columns.values())]
    cells += [[_cell(key, row.get(key)) for key in columns] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _cell(key: str, value: Any) -> str:
    text = printable(value)
    if key in _TIMES:
        return text[:19].replace("T", " ")
    if key in _IN_FULL or len(text) <= _WIDEST:
        return text
    return f"{text[: _WIDEST - 1]}…"
