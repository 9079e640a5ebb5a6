"""Entry of the process: `python -m user_service.main`."""

from servicekit.logs import configure_logging
from servicekit.server import serve
from servicekit.settings import load_settings
from user_service.bootstrap import SERVICE, build_app
from user_service.settings import Settings


def main() -> None:
    """Serve until SIGTERM or SIGINT; leaves with 78 when a setting is missing or wrong."""
    settings = load_settings(Settings, SERVICE)
    configure_logging(SERVICE, settings.log_level)
    serve(build_app(settings), host=settings.host, port=settings.port)


if __name__ == "__main__":
    main()
