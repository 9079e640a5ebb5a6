"""The plain-text alternative as source."""

import contextlib
import time

import pytest

from templating import EmailContent, TemplateSyntaxError, compile_email, derive_text

CASES = [
    ("<p>Hello {{ name }}</p><p>Bye</p>", "Hello {{ name }}\n\nBye"),
    ('<a href="{{link}}">Go on</a>.', "Go on ({{ link }})."),
    ('<a href="https://x/?a=1&amp;b={{ b }}">Go</a>', "Go (https://x/?a=1&b={{ b }})"),
    ('<a href="https://x/"><img src="i" alt="Shop"></a>', "Shop (https://x/)"),
    ('<a href="https://x/"><img src="i"></a>', "https://x/"),
    ('<a href="mailto:a@b.c">a@b.c</a>', "a@b.c"),
    ("{% if a < b %}<b>x</b>{% endif %}", "{% if a < b %}x{% endif %}"),
    ("a<br>b<br/>c", "a\nb\nc"),
    ("<h1>T</h1>x<ul><li>a</li><li>b</li></ul>y", "T\n\nx\n\n- a\n- b\n\ny"),
    ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
    ("<style>p{}</style><script>x()</script><p>a</p>", "a"),
    ("<head><title>T</title></head><body>a</body>", "a"),
    ("&lt;b&gt; &amp; &eacute;&nbsp;x", "<b> & é x"),
    ("a {# note #} b<!-- hidden -->", "a b"),
    ("{{ '}}' }} {{ \"<p>\" }}", "{{ '}}' }} {{ \"<p>\" }}"),
    ("{%- if x -%} a {%- endif -%}", "{% if x %}a{% endif %}"),
    ('<p {% if x %}class="y"{% endif %}>a</p>', "a"),
    ('{% if x %}<a href="{{u}}">{% else %}<a href="{{v}}">{% endif %}L</a>',
     "{% if x %}{{ u }}{% else %}{{ v }}{% endif %}L"),
    ('{% for i in xs %}<a href="{{i.u}}">{{i.t}}{% endfor %}</a>',
     "{% for i in xs %}{{ i.t }} ({{ i.u }}){% endfor %}"),
    ("<style>{% if x %}a{% endif %}{{ c }}</style>b", "{% if x %}{% endif %}b"),
]  # fmt: skip


@pytest.mark.parametrize(("html", "text"), CASES)
def test_derives_the_text_as_the_table_says(html: str, text: str) -> None:
    assert derive_text(html) == text


@pytest.mark.parametrize(
    "html",
    ["&#123;&#123; secret }}", "{<b></b>{ secret }}", "{% raw %}{{ secret }}{% endraw %}",
     "&#123;{{ name }}", "&#123;<i>% if secret %}", "{% raw %}{# x #}{% endraw %}"],
)  # fmt: skip
def test_literal_braces_stay_literal(html: str) -> None:
    compiled = compile_email(EmailContent("s", "h", derive_text(html)))
    assert "secret" not in compiled.required
    text = compiled.render({"name": "Ann"}).text
    assert text is not None
    assert text.startswith("{")


def test_a_rendered_list_has_one_line_for_each_item() -> None:
    html = "<p>Order:</p><ul>{% for x in xs %}<li>{{ x }}</li>{% endfor %}</ul><p>Bye</p>"
    compiled = compile_email(EmailContent("s", html, derive_text(html)))
    assert compiled.render({"xs": ["a", "b"]}).text == "Order:\n\n- a\n- b\n\nBye"


# What of torn HTML is text differs between releases of html.parser, which follows the browsers more
# closely since 3.11.14 and 3.13.6; what must not differ is that it compiles and asks for no more.
@pytest.mark.parametrize(
    "html",
    ["{% if x %}<script>{% endif %}{{ a }}", "{% if x %}<![{% endif %}b", "<a<{{ a }}<![x>"],
)
def test_html_that_no_browser_would_accept_still_gives_a_text(html: str) -> None:
    compiled = compile_email(EmailContent("s", html, derive_text(html)))
    alone = compile_email(EmailContent("s", html))
    assert (compiled.required, compiled.optional) == (alone.required, alone.optional)


def test_a_broken_declaration_is_a_comment() -> None:
    assert derive_text("<p>a<![if !mso]>b<![x y]>c</p>") == "abc"


def test_refused_html_is_refused_here_too() -> None:
    with pytest.raises(TemplateSyntaxError, match="html, line 2"):
        derive_text("<p>\n{% set x = 1 %}</p>")


@pytest.mark.parametrize("piece", ["<!--", "</", "<a ", "<?", "<a b='", "<a x=y "])
def test_html_with_very_many_open_tags_is_refused_or_read_soon(piece: str) -> None:
    started = time.perf_counter()
    # Older releases of html.parser take quadratic time here, so that we refuse; newer ones do not.
    with contextlib.suppress(TemplateSyntaxError):
        derive_text(piece * (200 * 1024 // len(piece)))
    assert time.perf_counter() - started < 2
