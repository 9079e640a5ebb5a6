"""Runs the push worker and its small HTTP API: `python -m push_service.main`."""

from push_service.bootstrap import SERVICE, build_app
from push_service.settings import Settings
from servicekit.server import run_service


def main() -> None:
    """Run until told to stop."""
    run_service(SERVICE, Settings, build_app)


if __name__ == "__main__":
    main()
