"""Ports of the embedded servers: free at the first start, remembered, exchanged when somebody took them."""

from __future__ import annotations

import errno
import json
import socket
from pathlib import Path

from service.embedded.errors import PortTakenError
from service.embedded.files import write_private

LOOPBACK = "127.0.0.1"


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. OSError when the host is none of this machine's."""
    return _bind(host, port) is not None


def require_free(host: str, port: int) -> None:
    """Raises PortTakenError, with the way out, when something listens there already."""
    try:
        free = is_free(host, port)
    except PermissionError:
        raise PortTakenError(
            f"port {port} may not be used by this account; set SAMTYCKE_PORT to another"
        ) from None
    except OSError as error:
        raise PortTakenError(f"SAMTYCKE_HOST={host}: cannot listen there: {error.strerror}") from None
    if not free:
        raise PortTakenError(
            f"port {port} on {host} is taken by another program; set SAMTYCKE_PORT to a free one"
        )


def remembered_port(folder: Path) -> int:
    """The port that the server of `folder` used last, if it is still free; otherwise a free one, which is
    remembered from now on."""
    file = folder / "port.json"
    try:
        port = int(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        port = 0
    if port and is_free(LOOPBACK, port):
        return port
    port = _bind(LOOPBACK, 0) or 0
    write_private(file, json.dumps(port))
    return port


def _bind(host: str, port: int) -> int | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Linux lets this pass over connections that are merely closing, but never over a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return None
            raise
        return int(probe.getsockname()[1])
