"""Runs the HTTP API: `python -m api_gateway.main`."""

from api_gateway.bootstrap import SERVICE, build_app
from api_gateway.settings import Settings
from servicekit.server import run_service


def main() -> None:
    """Run until told to stop."""
    run_service(SERVICE, Settings, build_app)


if __name__ == "__main__":
    main()
