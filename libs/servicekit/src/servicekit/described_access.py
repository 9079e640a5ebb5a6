"""Says in OpenAPI who may call each route: what `servicekit.access.Allow` declares."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from servicekit.access import Allow, declared_access

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
    generate = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        schema = generate()
        schema.setdefault("components", {})["securitySchemes"] = _SCHEMES
        for route in iter_route_contexts(app.routes):
            if not isinstance(route.original_route, APIRoute):
                continue  # the documentation's own pages
            allow = declared_access(route)
            if allow is not None:
                for method in route.methods or ():
                    operation = schema["paths"].get(route.path, {}).get(method.lower())
                    if operation is not None:
                        operation["security"] = _security(allow)
        return schema

    app.openapi = described  # type: ignore[method-assign]


def _security(allow: Allow) -> list[dict[str, list[str]]]:
    """Any of these will do; scopes are no part of it for schemes other than OAuth 2.0."""
    only_services = allow.services and not allow.scope and not allow.users
    people = () if only_services else (_API_KEY, _BEARER)
    names = (*people, *((_SERVICE_TOKEN,) if allow.services else ()))
    return [{name: []} for name in names]
