"""The token stream between Jinja2's lexer and its parser: Django's filter form, and bounds.

Working on tokens, neither can be fooled by strings or comments; and a bound that is reached
here stops the lexer before the recursive parser sees the excess.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from jinja2 import TemplateSyntaxError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from templating import limits

OPENING_TAGS: Final = frozenset({"if", "for"})
CLOSING_TAGS: Final = frozenset({"endif", "endfor"})
TAGS: Final = OPENING_TAGS | CLOSING_TAGS | {"elif", "else"}


class TemplateTokens(Extension):
    """Hooks `translate_django_arguments` and `bound_tokens` into a Jinja2 environment."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        return translate_django_arguments(bound_tokens(stream))


def bound_tokens(stream: Iterable[Token]) -> Iterator[Token]:
    """Pass tokens on; refuse unknown tags, deep nesting and too many tokens, with their line."""
    total = in_tag = brackets = blocks = 0
    line = 1
    previous = ""
    tokens = iter(stream)
    while True:
        try:
            token = next(tokens)
        except StopIteration:
            return
        except (ValueError, SyntaxError) as error:  # Python's limit on the digits of a literal
            raise TemplateSyntaxError("a number is not readable", line) from error
        line = token.lineno
        total, in_tag = total + 1, in_tag + 1
        match token.type:
            case "variable_begin" | "block_begin":
                in_tag = brackets = 0
            case "lparen" | "lbracket" | "lbrace":
                brackets += 1
            case "rparen" | "rbracket" | "rbrace":
                brackets -= 1
            case "data":
                total, in_tag = total - 1, 0
            case "name" if previous == "block_begin":
                if token.value not in TAGS:
                    raise TemplateSyntaxError(f"the tag '{token.value}' is not allowed", line)
                blocks += (token.value in OPENING_TAGS) - (token.value in CLOSING_TAGS)
        if blocks > limits.BLOCK_DEPTH:
            raise TemplateSyntaxError(
                f"blocks are nested more than {limits.BLOCK_DEPTH} deep", line
            )
        if brackets > limits.BRACKET_DEPTH or in_tag > limits.TAG_TOKENS:
            raise TemplateSyntaxError("the expression is too long or too deeply nested", line)
        if total > limits.TOKENS:
            raise TemplateSyntaxError("the template has too many tags", line)
        previous = token.type
        yield token


def translate_django_arguments(stream: Iterable[Token]) -> Iterator[Token]:
    """Turn `value|name:argument` into `value|name(argument)`.

    The argument is a literal or a dotted name, as in Django's template language:
    https://docs.djangoproject.com/en/5.2/ref/templates/language/#filters
    """
    tokens = _Ahead(stream)
    before, previous = "", ""
    while (token := tokens.take()) is not None:
        if (before, previous, token.type) == ("pipe", "name", "colon"):
            yield Token(token.lineno, "lparen", "(")
            yield from _argument(tokens)
            yield Token(token.lineno, "rparen", ")")
            before, previous = "", ""
            continue
        before, previous = previous, token.type
        yield token


class _Ahead:
    """Tokens with a look at the next one."""

    def __init__(self, stream: Iterable[Token]) -> None:
        self._tokens = iter(stream)
        self._next = next(self._tokens, None)

    def peek(self) -> str:
        return "" if self._next is None else self._next.type

    def take(self) -> Token | None:
        token, self._next = self._next, next(self._tokens, None)
        return token


def _argument(tokens: _Ahead) -> Iterator[Token]:
    if tokens.peek() == "sub":
        yield from _taken(tokens)
    is_name = tokens.peek() == "name"
    if tokens.peek() in {"name", "string", "integer", "float"}:
        yield from _taken(tokens)
    while is_name and tokens.peek() == "dot":
        yield from _taken(tokens)
        if tokens.peek() in {"name", "integer"}:
            yield from _taken(tokens)


def _taken(tokens: _Ahead) -> Iterator[Token]:
    token = tokens.take()
    if token is not None:
        yield token
