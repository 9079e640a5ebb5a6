"""Which methods a path takes: Starlette knows those of the first route that matches it alone.

RFC 9110 §15.5.6: a 405 names all of them in `Allow`.
"""

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """The methods of a path, sorted; of several templates that match it the most exact one counts.

    Args:
        app: The application.
        path: Without a slash at its end.
    """
    methods: dict[int, set[str]] = {}
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.path_regex.match(path):
            methods.setdefault(len(route.param_convertors), set()).update(route.methods or ())
    return sorted(methods[min(methods)]) if methods else []
