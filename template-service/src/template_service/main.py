"""Runs the HTTP API: `python -m template_service.main`."""

from servicekit.server import run_service
from template_service.bootstrap import SERVICE, build_app
from template_service.settings import Settings


def main() -> None:
    """Run until told to stop."""
    run_service(SERVICE, Settings, build_app)


if __name__ == "__main__":
    main()
