"""Runs an application with uvicorn: one process, one event loop, bounded shutdown.

More capacity comes from more processes: consumers and relays live in the lifespan, which uvicorn
would multiply by its workers.
"""

import uvicorn
from fastapi import FastAPI

_GRACEFUL_SECONDS = 10


def serve(app: FastAPI, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight get ten seconds to finish.

    uvicorn raises the signal again when it is done, so that the exit code is 143 after SIGTERM.
    """
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )
