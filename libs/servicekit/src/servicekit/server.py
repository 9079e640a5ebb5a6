"""Runs an application with uvicorn: one process, one event loop, bounded shutdown.

More capacity comes from more processes: consumers and relays live in the lifespan, which uvicorn
would multiply by its workers.
"""

import gc
import sys
from collections.abc import Callable
from typing import Final, TypeVar

import uvicorn
from fastapi import FastAPI

from servicekit.http_protocol import BoundedHttpProtocol
from servicekit.logs import configure_logging
from servicekit.settings import EX_CONFIG, ConfigurationError, ServiceSettings, load_settings

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

_GRACEFUL_SECONDS: Final = 10
_YOUNG_OBJECTS: Final = 10_000
"""A request makes some hundreds; at the default of 700 each one or two start a collection."""


def run_service(
    service: str, settings_class: type[SettingsT], build_app: Callable[[SettingsT], FastAPI]
) -> None:
    """Read the settings, build the application and serve it until SIGTERM or SIGINT.

    Requests in flight get ten seconds to finish. uvicorn raises the signal again when it is done,
    so that the exit code is 143 after SIGTERM.

    Raises:
        SystemExit: The settings are incomplete or cannot be used; a sentence says what to do.
    """
    settings = load_settings(settings_class, service)
    configure_logging(service, settings.log_level)
    try:
        app = build_app(settings)
    except ConfigurationError as error:
        print(f"{service} cannot start: {error}", file=sys.stderr)  # noqa: T201 - for the operator
        raise SystemExit(EX_CONFIG) from None
    serve(app, host=settings.host, port=settings.port)


def serve(app: FastAPI, *, host: str, port: int) -> None:
    """Serve an application until SIGTERM or SIGINT."""
    # What lives as long as the process need not be looked at in each full round of the collector.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=BoundedHttpProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )
