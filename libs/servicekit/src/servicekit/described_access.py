"""Says in OpenAPI who may call each route: what `servicekit.access.Allow` declares."""

from typing import Final

from fastapi import FastAPI

from servicekit.access import Allow, declared_access
from servicekit.api_document import Document, amend_document, operations_of

SERVICES: Final = "x-services"
"""Where an operation lists those of our services that may call it."""

_API_KEY: Final = "ApiKey"
_BEARER: Final = "Bearer"
_SERVICE_TOKEN: Final = "ServiceToken"
_SCHEMES: Final = {
    _API_KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    _BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    _SERVICE_TOKEN: {"type": "apiKey", "in": "header", "name": "X-Service-Token"},
}


def describe_access(app: FastAPI) -> None:
    """Add the credentials that each route takes to the application's OpenAPI document."""

    def describe(document: Document) -> None:
        document.setdefault("components", {})["securitySchemes"] = _SCHEMES
        for route, operation in operations_of(app, document):
            allow = declared_access(route)
            if allow is not None:
                operation["security"] = _security(allow)
                if allow.services:
                    operation[SERVICES] = list(allow.services)

    amend_document(app, describe)


def _security(allow: Allow) -> list[dict[str, list[str]]]:
    """Any of these will do; scopes are no part of it for schemes other than OAuth 2.0."""
    only_services = allow.services and not allow.scope and not allow.users
    people = () if only_services else (_API_KEY, _BEARER)
    names = (*people, *((_SERVICE_TOKEN,) if allow.services else ()))
    return [{name: []} for name in names]
