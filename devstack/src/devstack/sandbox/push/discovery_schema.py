"""Checks JSON against the schemas of a Google discovery document, with Google's error texts.

Google's front end converts JSON to a protocol buffer; it takes both spellings of a name (lowerCamel
and snake_case), treats null as absent, and names fields in snake_case when it complains.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from devstack.sandbox.push.google_error import Violation

Schema = dict[str, Any]

_DURATION = re.compile(r"^-?\d{1,12}(\.\d{1,9})?s$")
_TIMESTAMP = re.compile(
    r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$"
)
_INTEGERS = {"int32": 2**31, "int64": 2**63}
_WELL_KNOWN = {
    "google-duration": "type.googleapis.com/google.protobuf.Duration",
    "google-datetime": "type.googleapis.com/google.protobuf.Timestamp",
}


class DiscoverySchemas:
    """The schemas of one document, by name."""

    def __init__(self, schemas: dict[str, Schema], package: str) -> None:
        self._schemas = schemas
        self._package = package

    def violations(self, name: str, value: Any) -> list[Violation]:
        """Everything wrong with `value` as the schema `name`, in the order of its fields."""
        if not isinstance(value, dict):
            text = "Invalid JSON payload received. Root element must be a message."
            return [Violation("", text)]
        return list(self._message(name, value, ""))

    def _message(self, name: str, value: dict[str, Any], path: str) -> Iterator[Violation]:
        properties: dict[str, Schema] = self._schemas[name].get("properties", {})
        by_name = {spelling: p for p in properties for spelling in (p, snake_case(p))}
        for key, item in value.items():
            known = by_name.get(key)
            if known is None:
                yield _unknown(key, path)
            elif item is not None:
                inner = snake_case(known)
                yield from self._value(properties[known], item, f"{path}.{inner}".lstrip("."))

    def _value(self, schema: Schema, value: Any, path: str) -> Iterator[Violation]:
        reference = schema.get("$ref")
        kind = schema.get("type")
        if kind == "any":
            return
        if kind == "array":
            items = value if isinstance(value, list) else [value]  # as protobuf's parser does
            for number, item in enumerate(items):
                yield from self._value(schema["items"], item, f"{path}[{number}]")
        elif isinstance(value, list):
            yield Violation(
                path,
                f'Invalid JSON payload received. Unknown name "{_last(path)}"{_at(path)}: '
                "Proto field is not repeating, cannot start list.",
            )
        elif reference is not None:
            if isinstance(value, dict):
                yield from self._message(reference, value, path)
            else:
                yield _invalid(path, f"type.googleapis.com/{self._package}.{reference}", value)
        elif kind == "object":
            yield from self._map(schema, value, path)
        elif isinstance(value, dict):
            yield Violation(
                path,
                f'Invalid JSON payload received. Unknown name "{_last(path)}"{_at(path)}: '
                "Proto field is not a message, cannot start object.",
            )
        else:
            yield from self._scalar(schema, value, path)

    def _map(self, schema: Schema, value: Any, path: str) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield _invalid(path, "Map", value)
            return
        for number, item in enumerate(value.values()):
            yield from self._value(schema["additionalProperties"], item, f"{path}[{number}].value")

    def _scalar(self, schema: Schema, value: Any, path: str) -> Iterator[Violation]:
        kind, form = schema["type"], schema.get("format")
        if kind == "boolean":
            if not isinstance(value, bool) and value not in ("true", "false"):
                yield _invalid(path, "TYPE_BOOL", value)
        elif kind in ("integer", "number") or form in _INTEGERS:
            if not _is_number(value, form):
                yield _invalid(path, f"TYPE_{(form or kind).upper()}", value)
        elif form in _WELL_KNOWN:
            yield from _well_known(form, value, path)
        elif "enum" in schema:
            if value not in schema["enum"]:
                yield _invalid(path, f"type.googleapis.com/{self._package}.{_enum(path)}", value)
        elif not isinstance(value, str):
            yield _invalid(path, "TYPE_STRING", value)


def snake_case(name: str) -> str:
    """lowerCamel to the spelling of the protocol buffer."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m[1].lower(), name)


def _is_number(value: Any, form: str | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        number = float(value)
    except ValueError:
        return False
    if form not in _INTEGERS:
        return math.isfinite(number)
    limit = _INTEGERS[form]
    return number.is_integer() and -limit <= number < limit


def _well_known(form: str, value: Any, path: str) -> Iterator[Violation]:
    if form == "google-duration":
        pattern, hint = _DURATION, "Illegal duration format; duration must end with 's'"
    else:
        pattern, hint = _TIMESTAMP, "Invalid time format"
    if not isinstance(value, str):
        yield _invalid(path, _WELL_KNOWN[form], value)
    elif not pattern.match(value):
        text = f"Invalid value at '{path}' ({_WELL_KNOWN[form]}), {hint}: {json.dumps(value)}"
        yield Violation(path, text)


def _enum(path: str) -> str:
    return "".join(part.capitalize() for part in _last(path).split("_"))


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _at(path: str) -> str:
    parent = path.rpartition(".")[0]
    return f" at '{parent}'" if parent else ""


def _invalid(path: str, kind: str, value: Any) -> Violation:
    return Violation(path, f"Invalid value at '{path}' ({kind}), {json.dumps(value)}")


def _unknown(key: str, path: str) -> Violation:
    at = f" at '{path}'" if path else ""
    text = f'Invalid JSON payload received. Unknown name "{key}"{at}: Cannot find field.'
    return Violation(path, text)
