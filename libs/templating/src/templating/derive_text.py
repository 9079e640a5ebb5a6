"""The plain-text alternative of an HTML mail, made once at publish: source in, source out.

RFC 2046 §5.1.4 wants the plain part to say what the rich one says, so links keep their address.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from jinja2 import nodes

from templating.errors import TemplateSyntaxError
from templating.part import parse_part
from templating.plain_text import PlainText
from templating.protected_source import ProtectedSource
from templating.tokens import CLOSING_TAGS, OPENING_TAGS
from templating.variables import variable_use

PARAGRAPHS: Final = frozenset(
    {"p", "div", "table", "section", "article", "header", "footer", "blockquote", "pre", "hr"}
    | {"ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"}
)
LINES: Final = frozenset({"tr", "dt", "dd", "address", "form", "center"})
UNCLOSED_TAGS: Final = 20
DROPPED: Final = frozenset({"style", "script", "head", "title", "template"})


def derive_text(html_source: str) -> str:
    """Return the source of the plain-text alternative of an HTML source.

    It compiles, and uses no variable that the HTML does not use. Where `if` and `for` tear HTML
    tags apart so that this cannot be had from the whole, each run between them is read alone.

    Raises:
        TemplateSyntaxError: the HTML is refused, or many of its tags are not closed.
    """
    names = _names(parse_part("html", html_source, html=True))
    source = ProtectedSource(html_source)
    text = _read(source, [source.html])
    try:
        if names.issuperset(_names(parse_part("text", text, html=False))):
            return text
    except TemplateSyntaxError:
        pass
    return _read(source, source.runs())


def _names(template: nodes.Template) -> set[str]:
    use = variable_use(template)
    return use.required | use.tested


def _read(source: ProtectedSource, runs: Iterable[str]) -> str:
    out = PlainText()
    for run in runs:
        reader = _Reader(source, out)
        reader.feed(run)
        reader.close()
        reader.close_links()
    return source.restored(out.finished())


@dataclass(slots=True)
class _Link:
    address: str
    depth: int
    label: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Turns HTML into text; keeps every `if` and `for`, also of what it drops."""

    def __init__(self, source: ProtectedSource, out: PlainText) -> None:
        super().__init__(convert_charrefs=True)
        self._source = source
        self._out = out
        self._dropped: list[str] = []
        self._links: list[_Link] = []
        self._depth = 0
        self._unclosed = 0

    def close_links(self) -> None:
        """Write the addresses of links that the source does not close."""
        while self._links:
            self._close_link()

    def parse_html_declaration(self, i: int) -> int:
        """Read a broken `<![` as a comment, as browsers do; html.parser would assert."""
        try:
            return self._closed(super().parse_html_declaration(i))
        except AssertionError:
            return self._closed(self.parse_bogus_comment(i))

    def parse_starttag(self, i: int) -> int:
        return self._closed(super().parse_starttag(i))

    def parse_endtag(self, i: int) -> int:
        return self._closed(super().parse_endtag(i))

    def parse_comment(self, i: int, report: bool = True) -> int:
        return self._closed(super().parse_comment(i, report))

    def parse_pi(self, i: int) -> int:
        return self._closed(super().parse_pi(i))

    def _closed(self, end: int) -> int:
        """Count what is never closed: each costs html.parser a search to the end."""
        self._unclosed += end < 0
        if self._unclosed > UNCLOSED_TAGS:
            raise TemplateSyntaxError("html", 1, "many HTML tags or comments are not closed")
        return end

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href") or ""
        self._keep_torn_blocks(self.get_starttag_text() or "", address if tag == "a" else "")
        if tag in DROPPED:
            self._dropped.append(tag)
        elif tag == "body":
            self._dropped.clear()
        if self._dropped:
            return
        self._break(tag)
        if tag == "li":
            self._out.write("- ")
        elif tag in {"td", "th"}:
            self._out.write(" ")
        elif tag == "br":
            self._out.line_break()
        elif tag == "img":
            self._write(dict(attrs).get("alt") or "")
        elif tag == "a" and address.strip() and not address.startswith("#"):
            self._links.append(_Link(address.strip(), self._depth))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in DROPPED:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropped:
            if tag in self._dropped:
                del self._dropped[self._dropped.index(tag) :]
            return
        if tag == "a" and self._links:
            self._close_link()
        self._break(tag)

    def handle_data(self, data: str) -> None:
        for piece in self._source.split(data):
            if isinstance(piece, str):
                if not self._dropped:
                    self._write(piece)
            elif self._source.tags[piece].word:
                self._block(piece)
            elif not self._dropped:
                self._write(self._source.hidden(piece))

    def handle_comment(self, data: str) -> None:
        self._keep_blocks(data)

    def handle_decl(self, decl: str) -> None:
        self._keep_blocks(decl)

    def handle_pi(self, data: str) -> None:
        self._keep_blocks(data)

    def unknown_decl(self, data: str) -> None:
        self._keep_blocks(data)

    def _break(self, tag: str) -> None:
        if tag in PARAGRAPHS:
            self._out.want_breaks(2)
        elif tag in LINES or tag == "li":
            self._out.want_breaks(1)

    def _write(self, text: str) -> None:
        self._out.write(text)
        for link in self._links:
            link.label.append(text)

    def _close_link(self) -> None:
        link = self._links.pop()
        label = " ".join("".join(link.label).split())
        address = link.address.removeprefix("mailto:").removeprefix("tel:")
        if not label:
            self._out.write(address)
        elif label != address:
            self._out.write(f" ({address})")

    def _block(self, number: int) -> None:
        word = self._source.tags[number].word
        if word not in OPENING_TAGS:
            # What the address names may go out of scope here.
            while self._links and self._links[-1].depth >= self._depth:
                self._close_link()
        self._depth += (word in OPENING_TAGS) - (word in CLOSING_TAGS)
        self._out.block(word, self._source.hidden(number))

    def _keep_blocks(self, hidden: str) -> None:
        for number in self._source.numbers_in(hidden):
            if self._source.tags[number].word:
                self._block(number)

    def _keep_torn_blocks(self, tag: str, kept: str) -> None:
        """Drop the blocks within an HTML tag if they close there, else keep them."""
        printed = set(self._source.numbers_in(kept))
        numbers = [n for n in self._source.numbers_in(tag) if n not in printed]
        depth = 0
        for number in numbers:
            word = self._source.tags[number].word
            depth += (word in OPENING_TAGS) - (word in CLOSING_TAGS)
            torn_branch = depth == 0 and word in {"else", "elif"}
            if depth < 0 or torn_branch:
                break
        else:
            if depth == 0:
                return
        for number in numbers:
            if self._source.tags[number].word:
                self._block(number)
