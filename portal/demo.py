"""The whole product in one process: web, Celery worker and beat, and a local chain, on embedded defaults.

    python -m portal.demo --port 8000

State lies in ``var/`` (TOUCHSTONE_VAR), except the chain's, which is in memory: a new start is a new chain, which the
log notices; it registers again there and anchors again. Ctrl-C stops everything at once.
"""

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal import auditor

CHAIN_PORT = 8545


def main(arguments: list[str]) -> int:
    """Start everything, wait for a signal, stop everything."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="the port of the web site")
    port = parser.parse_args(arguments).port
    if not _is_free(port):
        print(
            f"Port {port} is in use. Stop what uses it, or choose another one: make demo PORT={port + 1}",
            file=sys.stderr,
        )
        return 1
    chain_port = CHAIN_PORT if _is_free(CHAIN_PORT) else _free_port()
    os.environ |= {
        "TOUCHSTONE_MODE": "demo",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SITE_URL": f"http://localhost:{port}",
        "CHAIN": "local",
        "CHAIN_RPC_URL": f"http://127.0.0.1:{chain_port}",
        "REDIS_URL": "memory://",
    }
    folder = Path(os.environ.get("TOUCHSTONE_VAR") or Path(__file__).parent.parent / "var") / "auditor"
    os.environ.setdefault("AUDITOR_KEYS", auditor.verifier_key(folder))
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with contextlib.ExitStack() as running:
        _prepare()
        running.callback(_serve(port).shutdown)
        _say(f"\n  Touchstone is at http://localhost:{port}\n")
        _say(_who_can_sign_in())
        running.callback(_start_chain(chain_port).stop)
        _register()
        running.callback(_start_worker())
        running.callback(_start_auditor(folder, port))
        _say(f"  The chain answers at {os.environ['CHAIN_RPC_URL']}")
        _say(f"  An auditor looks at the log once a minute; its last word is in {folder / 'said'}")
        _say("  Ctrl-C stops it.")
        stopping.wait()
        _say("\n  Stopping …")
    return 0


def _prepare() -> None:
    """Bring both databases up to date and seed what a newcomer needs; what is there already stays."""
    import django  # noqa: PLC0415 - the settings are read from the environment made above

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    call_command("migrate", database="vault", verbosity=0)
    call_command("seed_demo", verbosity=0)


def _who_can_sign_in() -> str:
    from claims.management.commands.seed_demo import sign_in_table  # noqa: PLC0415 - needs the apps

    return sign_in_table()


def _serve(port: int) -> Any:
    """The web site, a thread for each request."""
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: PLC0415 - needs settings

    from portal.wsgi import application  # noqa: PLC0415

    class QuietHandler(WSGIRequestHandler):
        """Logs nothing of what people look at."""

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadedWSGIServer(("127.0.0.1", port), QuietHandler)
    server.set_app(application)
    threading.Thread(target=server.serve_forever, name="web", daemon=True).start()
    return server


def _start_chain(port: int) -> Any:
    """The local chain, with the anchoring key funded."""
    from anchoring import config  # noqa: PLC0415 - needs settings
    from anchoring.chain import address_of  # noqa: PLC0415
    from portal.localchain import LocalChain  # noqa: PLC0415

    chain = LocalChain(port=port, funded=[address_of(config.chain_key())])
    chain.start()
    return chain


def _register() -> None:
    """Register the log on the chain, which is always new here, and say so."""
    from anchoring import config  # noqa: PLC0415 - needs settings
    from anchoring.registration import register_log  # noqa: PLC0415
    from anchoring.stages import current_registration  # noqa: PLC0415

    was_registered = current_registration() is not None
    register_log(chain=config.chain(), key=config.chain_key())
    if was_registered:
        _say(
            "  The local chain of the last start is gone (it lived in memory). The log noticed, registered again on the"
        )
        _say("  new one, and anchors all of it again: records show “Sealed” until then.\n")


def _start_worker() -> Callable[[], None]:
    """Celery's worker and beat in threads of this process; returns what stops them."""
    from celery import beat  # noqa: PLC0415 - needs settings
    from django.conf import settings  # noqa: PLC0415

    from portal.celery import app  # noqa: PLC0415

    worker = app.WorkController(
        pool="threads", concurrency=2, without_heartbeat=True, without_mingle=True, without_gossip=True,
        hostname="demo@localhost", loglevel="WARNING",
    )  # fmt: skip
    threading.Thread(target=worker.start, name="worker", daemon=True).start()
    schedule = beat.EmbeddedService(app, thread=True, schedule_filename=str(settings.VAR_DIR / "beat"), max_interval=1)
    schedule.start()

    def stop() -> None:
        schedule.stop()
        worker.stop()

    return stop


def _start_auditor(folder: Path, port: int) -> Callable[[], None]:
    """The auditor's account gets a new token; its program looks at the log once a minute."""
    from anchoring import config  # noqa: PLC0415 - needs settings
    from claims.management.commands.auditor import admit  # noqa: PLC0415

    auditor.keep_token(folder, admit(auditor.EMAIL))
    return auditor.start(folder, log=f"http://127.0.0.1:{port}/log", log_key=config.log_key().verifier_key)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # Celery's threads need no goodbye: every step can be killed at any moment
