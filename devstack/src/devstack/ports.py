"""Ports on 127.0.0.1, chosen once and kept, so that a second start has the same addresses.

They lie below the range the kernel gives to outgoing connections (32768 and up on Linux, 49152 on
macOS): a client that retries a closed port of that range can connect to itself and occupy it.
"""

import json
import random
import socket
from pathlib import Path

from devstack.errors import DevstackError
from devstack.passwords import write_private

LOWEST = 20000
HIGHEST = 29999
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Tell whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port in TIME_WAIT after our own last run is free for a server, which sets this too.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class PortBook:
    """Remembers which name has which port, in one JSON file."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        self._path = path
        self._rng = rng
        self._ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def take(self, name: str, preferred: int | None = None) -> int:
        """Return a free port for `name`: the kept one, else `preferred`, else a random one.

        Raises DevstackError when no free port is found.
        """
        candidates = [self._ports.get(name), preferred]
        candidates += [self._rng.randint(LOWEST, HIGHEST) for _ in range(_ATTEMPTS)]
        others = {port for other, port in self._ports.items() if other != name}
        for port in candidates:
            if port is not None and port not in others and is_free(port):
                self._keep(name, port)
                return port
        raise DevstackError(
            f"No free port for {name} was found between {LOWEST} and {HIGHEST}; "
            "end some of the servers that listen there and start again."
        )

    def _keep(self, name: str, port: int) -> None:
        if self._ports.get(name) != port:
            self._ports[name] = port
            write_private(self._path, json.dumps(self._ports, indent=2) + "\n")
