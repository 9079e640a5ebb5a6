"""A template's source with its tags hidden from an HTML parser, and back.

Each `{{ … }}` and `{% … %}` becomes a private-use character pair around its number, so that
`{% if a < b %}` and `href="{{ link }}"` survive. Jinja2's own lexer finds the tags.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from templating.part import environment_for

BRACE = re.compile(r"\{(?=[{%#]|\Z)")


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of the source; `word` is `if`, `endfor` …, or empty for `{{ … }}`."""

    source: str
    word: str


class ProtectedSource:
    """A source split into text and numbered tags; comments are gone."""

    def __init__(self, source: str) -> None:
        self._mark, self._end = _unused_characters(source)
        self._pattern = re.compile(f"{self._mark}([0-9]+){self._end}")
        self.tags: list[Tag] = []
        self.html = "".join(self._pieces(source))

    def _pieces(self, source: str) -> Iterator[str]:
        inside: list[str] = []
        word, closing = "", ""
        for _, kind, value in environment_for(html=True).lex(source):
            if kind == "data" and not closing:
                yield value
            elif kind in {"variable_begin", "block_begin"}:
                inside, word = [], ""
                closing = kind.replace("begin", "end")
            elif kind == closing:
                opened, closed = ("{{", "}}") if kind == "variable_end" else ("{%", "%}")
                self.tags.append(Tag(f"{opened} {''.join(inside).strip()} {closed}", word))
                yield f"{self._mark}{len(self.tags) - 1}{self._end}"
                closing = ""
            elif closing:
                if kind == "name" and closing == "block_end" and not word:
                    word = value
                inside.append(value)

    def split(self, html: str) -> Iterator[str | int]:
        """Split into text and the numbers of tags, in order."""
        for index, piece in enumerate(self._pattern.split(html)):
            if index % 2:
                yield int(piece)
            elif piece:
                yield piece

    def runs(self) -> Iterator[str]:
        """Return the hidden source cut before and after each block tag."""
        run = ""
        for piece in self.split(self.html):
            if isinstance(piece, int) and self.tags[piece].word:
                yield from (run, self.hidden(piece))
                run = ""
            else:
                run += piece if isinstance(piece, str) else self.hidden(piece)
        yield run

    def numbers_in(self, html: str) -> list[int]:
        """Return the numbers of the tags within `html`, in order."""
        return [int(number) for number in self._pattern.findall(html)]

    def hidden(self, number: int) -> str:
        """Return the characters that stand for a tag."""
        return f"{self._mark}{number}{self._end}"

    def restored(self, text: str) -> str:
        """Return text as template source: tags again, and literal braces that open none."""
        return "".join(
            self.tags[piece].source if isinstance(piece, int) else BRACE.sub('{{ "{" }}', piece)
            for piece in self.split(text)
        )


def _unused_characters(source: str) -> tuple[str, str]:
    unused = (chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in source)
    return next(unused), next(unused)
