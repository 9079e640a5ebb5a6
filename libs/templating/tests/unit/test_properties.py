"""Properties for any value and any HTML source."""

from html.parser import HTMLParser

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from templating import (
    EmailContent,
    PushContent,
    TemplateSyntaxError,
    compile_email,
    compile_push,
    derive_text,
)

PAGE = (
    "<p class=\"{{ a }}\">{{ a }}</p><a href='https://x/{{ b|urlencode }}'>{{ b|title }}</a>"
    "{{ b|e|upper|truncate(9, true, '') }}{% for x in xs %}<li title='{{ x }}'>{{ x|default('<') }}"
    "</li>{% endfor %}{{ xs|join('<br>') }}{{ xs }}{{ a|replace('a', '<i>') }}"
)
HOSTILE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("<>'\"&;/=`{}%#!-\r\n\t\x00 aBscript"),
    st.sampled_from(["</p><script>", "'\"><img onerror=1>", "<!--", "&lt;b&gt;", "{{ a }}"]),
)


class Shape(HTMLParser):
    """The tags of a page, with the names of their attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[object] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [name for name, _ in attrs]))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(tag)

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.tags.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.tags.append("instruction")


@settings(deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_value_changes_the_structure_of_the_html(a: str, b: str, x: str) -> None:
    compiled = compile_email(EmailContent("s", PAGE, None))
    plain = compiled.render({"a": "v", "b": "v", "xs": ["v"]}).html
    rendered = compiled.render({"a": a, "b": b, "xs": [x]}).html
    assert Shape(rendered).tags == Shape(plain).tags


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_no_value_adds_a_line_to_a_subject_or_title(a: str, b: str) -> None:
    variables = {"a": a, "b": b}
    subject = compile_email(EmailContent("{{ a }}: {{ b }}", "h", None)).render(variables).subject
    title = compile_push(PushContent("{{ a }}: {{ b }}", "b")).render(variables).title
    assert subject == title == subject.strip()
    assert len(subject.splitlines()) == 1
    assert all(character.isprintable() for character in subject if character < "\xa0")


PIECES = st.one_of(
    st.sampled_from(
        [
            "{{ a }}",
            "{{ x.y|default('') }}",
            '<a href="{{ x.u }}">',
            '<a href="{{ b }}"',
            "</a>",
            "<p>",
            "</p>",
            "<p ",
            ">",
            "<style>",
            "</style>",
            "<!--",
            "-->",
            "<script>",
            "</",
            "</script>",
            "<br>",
            "<li>",
            "{",
            "}",
            "&#123;",
            "&#37;",
            "{# c #}",
            "text '",
            '"',
            "{% raw %}{{ r }}{% endraw %}",
            "<head>",
            "<body>",
            "<textarea>",
            "<title>",
            "<![",
            "<?",
        ]
    ),
    st.text("ab <>/='\"&;#!-\n", max_size=3),
)


def within_blocks(sources: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    blocks = st.sampled_from(
        [
            "{%% if a < b %%}%s{%% endif %%}%s",
            "{%% if a %%}%s{%% else %%}%s{%% endif %%}",
            "{%% for x in xs %%}%s{%% endfor %%}%s",
            "<a href='{%% if a %%}%s{%% endif %%}%s'>",
            "<p {%% if a %%}%s{%% endif %%}%s>",
        ]
    )
    filled = st.builds(lambda block, one, two: block % (one, two), blocks, sources, sources)
    return st.one_of(filled, st.lists(st.one_of(sources, filled), max_size=6).map("".join))


@settings(deadline=None)
@given(st.recursive(PIECES, within_blocks, max_leaves=12))
def test_derived_text_compiles_and_uses_no_variable_that_the_html_lacks(html: str) -> None:
    try:
        compiled = compile_email(EmailContent("s", html, None))
    except TemplateSyntaxError:
        reject()  # a brace of the text has come to stand before a tag, or loops are too deep
    text = compile_email(EmailContent("s", "h", derive_text(html)))
    names = {*compiled.required, *compiled.optional}
    assert names.issuperset({*text.required, *text.optional})
