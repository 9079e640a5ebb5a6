"""Puts the examples of models where OpenAPI's readers look for them: at bodies and answers.

A model says its example once, in `json_schema_extra`; an answer's is the model's in the envelope.
"""

from typing import Any, Final

from contracts.envelope import PageMeta
from contracts.error_codes import ErrorCode
from servicekit.api_document import Document, resolved

_JSON: Final = "application/json"
_MESSAGE: Final = "One sentence for people."
_META: Final = PageMeta.of(total=1, limit=10, page=1).model_dump(mode="json")


def show_body_examples(operation: Document, document: Document) -> None:
    """The body's own examples; where it has several, each is one way to write it."""
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        if "example" not in media and "examples" not in media:
            _put(media, _examples(media.get("schema", {}), document))


def show_answer_examples(operation: Document, document: Document) -> None:
    """What success looks like, by the example of the model that it carries."""
    is_page = any(parameter["name"] == "page" for parameter in operation.get("parameters", ()))
    for status, response in operation["responses"].items():
        media = response.get("content", {}).get(_JSON)
        if status.startswith("2") and media and not {"example", "examples"} & media.keys():
            _put(media, _answers(media["schema"], document, is_page=is_page))


def show_unsent_examples(response: Document, document: Document, codes: list[ErrorCode]) -> None:
    """Beside success: accepted, and not sent; the model's last example shows that."""
    media = response["content"][_JSON]
    data = _examples(_data_of(media["schema"], document) or {}, document)
    envelope = {"success": False, "message": _MESSAGE, "data": data[-1] if data else None}
    media["examples"] = {
        "accepted": {"value": media.pop("example")},
        **{
            code.value: {
                "summary": code.remedy,
                "value": {**envelope, "error": code.value, "meta": None},
            }
            for code in codes
        },
    }


def _answers(schema: Document, document: Document, *, is_page: bool) -> list[Any]:
    data = _data_of(schema, document)
    if data is None:  # no envelope: health, key sets
        return _examples(schema, document)[:1]
    return [
        {
            "success": True,
            "message": _MESSAGE,
            "data": example,
            "error": None,
            "meta": _META if is_page else None,
        }
        for example in _examples(data, document)[:1]
    ]


def _data_of(schema: Document, document: Document) -> Document | None:
    """What an envelope carries; None: it is no envelope."""
    properties: Document = resolved(_first(schema), document).get("properties", {})
    return _first(properties["data"]) if {"success", "data", "meta"} <= properties.keys() else None


def _first(schema: Document) -> Document:
    """The first of several that it may be: null comes last."""
    first: Document = schema["anyOf"][0] if "anyOf" in schema else schema
    return first


def _examples(schema: Document, document: Document) -> list[Any]:
    if schema.get("type") == "array" and "items" in schema:
        return [[example] for example in _examples(schema["items"], document)]
    model = resolved(schema, document)
    return [model["example"]] if "example" in model else list(model.get("examples", ()))


def _put(media: Document, examples: list[Any]) -> None:
    if len(examples) == 1:
        media["example"] = examples[0]
    elif examples:
        media["examples"] = {str(n): {"value": value} for n, value in enumerate(examples, 1)}
