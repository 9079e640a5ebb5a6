"""Runs the relay, of which there may be any number: `python -m api_gateway.relay`."""

from api_gateway.bootstrap import RELAY, build_relay
from api_gateway.settings import RelaySettings
from servicekit.server import run_service


def main() -> None:
    """Run until told to stop."""
    run_service(RELAY, RelaySettings, build_relay)


if __name__ == "__main__":
    main()
