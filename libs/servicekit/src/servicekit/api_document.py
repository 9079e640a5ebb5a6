"""Access to an application's OpenAPI document, for the modules that complete it."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

Document = dict[str, Any]
"""A part of the document, or the whole."""


def amend_document(app: FastAPI, amend: Callable[[Document], None]) -> None:
    """Have the document amended each time that it is made; the last amendment comes last."""
    generate = app.openapi

    def amended() -> Document:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = generate()
        amend(document)
        return document

    app.openapi = amended  # type: ignore[method-assign]


def operations_of(app: FastAPI, document: Document) -> Iterator[tuple[RouteContext, Document]]:
    """Each route with its part of the document, one for each method that it takes."""
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute):
            continue  # the documentation's own pages
        for method in route.methods or ():
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                yield route, operation


def resolved(schema: Document, document: Document) -> Document:
    """The schema itself, where a `$ref` stands for it."""
    reference = schema.get("$ref")
    return document["components"]["schemas"][reference.split("/")[-1]] if reference else schema
