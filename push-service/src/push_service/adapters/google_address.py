"""Which addresses may be shown our credentials: Google's own, or a stand-in's on this machine."""

from urllib.parse import urlsplit

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def check_address(url: str) -> str:
    """Return an address that carries no credentials in the clear.

    Raises:
        ValueError: It is not https, nor http to this machine.
    """
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0  # reading the port checks it
    except ValueError:
        has_host = False
    secure = has_host and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
    )
    if not secure or not (url.isascii() and url.isprintable()):
        msg = f"must be an https address, or http to this machine, not {url!r}"
        raise ValueError(msg)
    return url
