"""A reader of JSON that is slow and plain: RFC 8259's grammar, one function for each rule of it.

Says what `servicekit.json_dialect` has to say: the document, or that there is none.
"""

import re
from typing import Any

WHITESPACE = " \t\n\r"
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
ESCAPES = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))


class NotStrictError(Exception):
    pass


def read(body: bytes) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NotStrictError from error
    reader = Reader(text)
    value = reader.element()
    if reader.at != len(text):
        raise NotStrictError
    return value


class Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def element(self) -> Any:
        self.skip()
        value = self.value()
        self.skip()
        return value

    def value(self) -> Any:
        match self.peek():
            case "{":
                return self.object()
            case "[":
                return self.array()
            case '"':
                return self.string()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        return self.number()

    def object(self) -> dict[str, Any]:
        self.expect("{")
        self.skip()
        members: dict[str, Any] = {}
        if self.peek() != "}":
            while True:
                self.skip()
                key = self.string()
                if key in members:
                    raise NotStrictError
                self.skip()
                self.expect(":")
                members[key] = self.element()
                if self.peek() != ",":
                    break
                self.expect(",")
        self.expect("}")
        return members

    def array(self) -> list[Any]:
        self.expect("[")
        self.skip()
        elements: list[Any] = []
        if self.peek() != "]":
            elements.append(self.element())
            while self.peek() == ",":
                self.expect(",")
                elements.append(self.element())
        self.expect("]")
        return elements

    def string(self) -> str:
        self.expect('"')
        units: list[str] = []
        while self.peek() != '"':
            character = self.take()
            if character < " ":
                raise NotStrictError
            units.append(self.escaped() if character == "\\" else character)
        self.expect('"')
        # Two escaped halves of a pair are one character; a half alone stays as it is.
        raw = "".join(units).encode("utf-16-le", "surrogatepass")
        return raw.decode("utf-16-le", "surrogatepass")

    def escaped(self) -> str:
        character = self.take()
        if character != "u":
            if character not in ESCAPES:
                raise NotStrictError
            return ESCAPES[character]
        digits = "".join(self.take() for _ in range(4))
        if not re.fullmatch("[0-9a-fA-F]{4}", digits):
            raise NotStrictError
        return chr(int(digits, 16))

    def number(self) -> int | float:
        found = NUMBER.match(self.text, self.at)
        if found is None:
            raise NotStrictError
        self.at = found.end()
        return float(found[0]) if found[1] or found[2] else int(found[0])

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in WHITESPACE:
            self.at += 1

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        character = self.peek()
        if not character:
            raise NotStrictError
        self.at += 1
        return character

    def expect(self, character: str) -> None:
        if self.take() != character:
            raise NotStrictError
