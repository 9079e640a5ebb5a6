"""Runs the HTTP API: `python -m user_service.main`."""

from servicekit.server import run_service
from user_service.bootstrap import SERVICE, build_app
from user_service.settings import Settings


def main() -> None:
    """Run until told to stop."""
    run_service(SERVICE, Settings, build_app)


if __name__ == "__main__":
    main()
