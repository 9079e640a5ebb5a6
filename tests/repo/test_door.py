"""What leads through the gateway to the services behind: all that people may call, no more."""

from typing import Final

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from api_gateway.api.door import DOORS, EMAIL, TEMPLATES, USERS
from servicekit.access import PUBLIC_PATHS, declared_access, is_forwarded, is_public

BEHIND: Final = (USERS, TEMPLATES, EMAIL)
Call = tuple[str, str]
"""Method and path."""


def calls(app: FastAPI) -> dict[Call, RouteContext]:
    """Every call that is not health, metrics or documentation."""
    return {
        (method, route.path or ""): route
        for route in iter_route_contexts(app.routes)
        if (route.path or "").removeprefix("/api/v1") not in PUBLIC_PATHS
        for method in route.methods or ()
    }


def is_for_people(route: RouteContext) -> bool:
    """Whether others than our own services may call it."""
    access = declared_access(route)
    if access is None:
        return is_public(route)
    return bool(access.scope or access.users or not access.services)


def test_all_that_people_may_call_leads_through_the_door_and_nothing_else(
    apps: dict[str, FastAPI],
) -> None:
    inside = {
        (service, *call)
        for service in BEHIND
        for call, route in calls(apps[service]).items()
        if is_for_people(route)
    }
    doors = {
        (door.service, method, f"/api/v1{door.path}") for door in DOORS for method in door.methods
    }
    assert doors == inside


def test_the_gateway_has_a_route_for_each_door(apps: dict[str, FastAPI]) -> None:
    forwarded = {call for call, route in calls(apps["api-gateway"]).items() if is_forwarded(route)}
    assert forwarded == {
        (method, f"/api/v1{door.path}") for door in DOORS for method in door.methods
    }


def test_no_door_stands_before_a_route_of_the_gateways_own(apps: dict[str, FastAPI]) -> None:
    own = {route.path for route in calls(apps["api-gateway"]).values() if not is_forwarded(route)}
    assert own.isdisjoint(f"/api/v1{door.path}" for door in DOORS)


def test_only_the_gateway_has_doors(apps: dict[str, FastAPI]) -> None:
    having = {
        name
        for name, app in apps.items()
        if any(is_forwarded(route) for route in calls(app).values())
    }
    assert having == {"api-gateway"}
