"""Loopback ports that stay ours while nobody listens on them."""

import secrets
import socket

_BELOW_THE_EPHEMERAL = range(20_000, 32_000)


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now.

    Never one that the system gives to outgoing connections: during an outage such a port can be taken by any client,
    and a client that calls it can even be connected to itself.
    """
    while True:
        port = _BELOW_THE_EPHEMERAL.start + secrets.randbelow(len(_BELOW_THE_EPHEMERAL))
        if is_free(port):
            return port


def is_free(port: int) -> bool:
    """Whether nobody listens there; connections of a listener that is gone do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
