"""Gives the examples of an OpenAPI document back the nulls that FastAPI takes out of it."""

from typing import Any

from servicekit.api_document import Document, resolved


def restore_nulls(document: Document) -> None:
    """Put null where an example leaves out a field that its model always has."""
    for schema in document.get("components", {}).get("schemas", {}).values():
        if "example" in schema:
            schema["example"] = _restored(schema["example"], schema, document)
        if "examples" in schema:
            schema["examples"] = [
                _restored(example, schema, document) for example in schema["examples"]
            ]


def _restored(value: Any, schema: Document, document: Document) -> Any:
    schema = resolved(schema, document)
    if value is not None and "anyOf" in schema:
        schema = resolved(schema["anyOf"][0], document)
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_restored(each, items, document) for each in value]
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        absent = [name for name in schema.get("required", ()) if name not in value]
        others = schema.get("additionalProperties", {})
        rules = others if isinstance(others, dict) else {}
        return {
            name: _restored(value.get(name), properties.get(name, rules), document)
            for name in (*value, *absent)
        }
    return value
