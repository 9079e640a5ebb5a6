"""Who may call what: every route says so, and what is open to everybody is listed here."""

import re
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from api_gateway.adapters import remote_snapshots
from servicekit.access import PUBLIC_PATHS, declared_access, is_forwarded, is_public

OPEN_TO_EVERYBODY: Final = {
    ("user-service", "POST", "/api/v1/auth/login"),
    # A refresh token is its own credential.
    ("user-service", "POST", "/api/v1/auth/refresh"),
    ("user-service", "POST", "/api/v1/auth/logout"),
    ("user-service", "GET", "/api/v1/auth/jwks.json"),
    # SendGrid holds no credential of ours; its signature is checked before anything is read.
    ("email-service", "POST", "/api/v1/providers/sendgrid/events"),
}
"""Beside health, metrics and documentation. Whoever adds one says why it must be open."""


def routes(apps: dict[str, FastAPI]) -> list[tuple[str, RouteContext]]:
    """Every route that is not health, metrics or documentation."""
    return [
        (name, route)
        for name, app in apps.items()
        for route in iter_route_contexts(app.routes)
        if (route.path or "").removeprefix("/api/v1") not in PUBLIC_PATHS
        # What passes through the gateway's door is its owner's, and looked at in test_door.
        and not is_forwarded(route)
    ]


def test_the_routes_are_found(apps: dict[str, FastAPI]) -> None:
    found = {(name, route.path) for name, route in routes(apps)}
    assert ("api-gateway", "/api/v1/notifications") in found
    assert ("user-service", "/api/v1/users") in found
    assert ("template-service", "/api/v1/templates") in found


def test_every_route_says_who_may_call_it(apps: dict[str, FastAPI]) -> None:
    silent = [
        f"{name} {route.path}"
        for name, route in routes(apps)
        if declared_access(route) is None and not is_public(route)
    ]
    assert silent == []


def test_what_is_open_to_everybody_is_listed(apps: dict[str, FastAPI]) -> None:
    found = {
        (name, method, route.path)
        for name, route in routes(apps)
        if is_public(route)
        for method in route.methods or ()
    }
    assert found == OPEN_TO_EVERYBODY


def test_our_own_services_are_named_as_they_are_called(apps: dict[str, FastAPI]) -> None:
    for name, route in routes(apps):
        access = declared_access(route)
        unknown = set(access.services if access else ()) - {*apps, "mta"}
        assert not unknown, f"{name} {route.path} admits {unknown}"


@pytest.mark.parametrize(
    ("owner", "method", "path"),
    [
        ("user-service", "GET", remote_snapshots.USER_PATH),
        ("user-service", "POST", remote_snapshots.USERS_PATH),
        ("template-service", "GET", remote_snapshots.TEMPLATE_PATH),
        ("template-service", "POST", remote_snapshots.TEMPLATES_PATH),
    ],
)
def test_what_the_gateway_asks_of_an_owner_is_there_for_it(
    apps: dict[str, FastAPI], owner: str, method: str, path: str
) -> None:
    access = [
        declared_access(route)
        for name, route in routes(apps)
        if (name, re.sub(r"{\w+}", "{}", route.path or "")) == (owner, path)
        and method in (route.methods or ())
    ]
    assert [each.services for each in access if each] == [("api-gateway",)]


def test_only_the_gateway_serves_what_applications_send(apps: dict[str, FastAPI]) -> None:
    sending = {name for name, route in routes(apps) if "/notifications" in (route.path or "")}
    assert sending == {"api-gateway"}


def test_a_status_is_reported_by_our_own_services_alone(apps: dict[str, FastAPI]) -> None:
    found = {
        (name, route.path): declared_access(route)
        for name, route in routes(apps)
        if (route.path or "").endswith("/status")
    }
    assert set(found) == {
        ("api-gateway", "/api/v1/email/status"),
        ("api-gateway", "/api/v1/push/status"),
        ("email-service", "/api/v1/status"),
        ("push-service", "/api/v1/status"),
    }
    for access in found.values():
        assert access is not None
        assert access.services
        assert not access.users
        assert access.scope is None
