"""Lines and paragraphs of a text under way, across branches of `if` and rounds of `for`.

A break is wanted first and written only before what needs it, so that tags without content leave
no empty lines; before a block tag it is written at once, since the block may be skipped.
"""

import re
from typing import Final

SPACE: Final = re.compile(r"[ \t\r\n\f\v\u00a0]+")
PARAGRAPH: Final = 2


class PlainText:
    """Collects text; `write` collapses white space as a browser does."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._wanted = 0
        self._written = PARAGRAPH
        self._space = False
        self._open: list[int] = []

    def write(self, text: str) -> None:
        """Add running text."""
        collapsed = SPACE.sub(" ", text)
        words = collapsed.strip(" ")
        leading = collapsed.startswith(" ")
        if not words:
            self._space = self._space or leading
            return
        at_line_start = self._flush()
        if (self._space or leading) and not at_line_start:
            self._pieces.append(" ")
        self._pieces.append(words)
        self._space, self._written = collapsed.endswith(" "), 0

    def want_breaks(self, lines: int) -> None:
        """Ask for a new line (1) or an empty line (2) before what follows."""
        self._wanted = max(self._wanted, lines)

    def line_break(self) -> None:
        """Add a line break of its own, as `<br>` does."""
        self._flush()
        self._pieces.append("\n")
        self._written += 1
        self._space = False

    def block(self, word: str, tag: str) -> None:
        """Add a block tag (`if`, `else`, `endfor` …), hidden as `tag`."""
        if not self._flush() and self._space:
            self._pieces.append(" ")
            self._space = False
        self._pieces.append(tag)
        if word in {"if", "for"}:
            self._open.append(self._written)
        elif self._open:
            self._written = min(self._written, self._open[-1])
            if word.startswith("end"):
                self._open.pop()

    def finished(self) -> str:
        """Return the text, trimmed."""
        lines = "".join(self._pieces).split("\n")
        return "\n".join(line.rstrip(" ") for line in lines).strip("\n ")

    def _flush(self) -> bool:
        """Write the breaks that are wanted and not there; True at the start of a line."""
        missing = max(0, self._wanted - self._written)
        self._pieces.append("\n" * missing)
        self._written += missing
        self._wanted = 0
        return self._written > 0
