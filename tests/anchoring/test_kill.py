"""Whoever pulls the plug at any moment loses nothing that was acknowledged and forks nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from anchoring import config
from anchoring.chain import address_of
from portal.localchain import LocalChain

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 15
POSTGRESQL = os.environ.get("DATABASE_URL", "")


def drill(database_url: str, folder: Path) -> dict[str, int]:
    """Run it in a process of its own, on that database and a chain that nobody kills."""
    with LocalChain(port=0, funded=[address_of(config.chain_key())]) as chain:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "portal.settings", "TOUCHSTONE_VAR": str(folder), "DATABASE_URL": database_url,
            "CHAIN_RPC_URL": chain.url, "ANCHOR_EVERY_SECONDS": "1",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "tests.anchoring.kill_drill", str(SECONDS)],
            env=environment, cwd=ROOT, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def require_nothing_lost(told: dict[str, int]) -> None:
    assert told["problems"] == []
    assert told["kills"] >= 10 and told["quote"] > 0 and told["signed"] > 0
    assert told["entries"] - 1 >= told["quote"]  # one is the registration; a kill may hide that a commit was made
    assert (told["leaves"], told["pending"], told["anchored"]) == (told["entries"], 0, told["entries"])


@pytest.mark.slow
def test_on_sqlite(tmp_path) -> None:
    require_nothing_lost(drill(f"sqlite:///{tmp_path / 'drill.sqlite3'}", tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(not POSTGRESQL.startswith("postgres"), reason="DATABASE_URL names no PostgreSQL")
def test_on_postgresql(tmp_path) -> None:
    name = f"kill_drill_{os.getpid()}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            require_nothing_lost(drill(urlsplit(POSTGRESQL)._replace(path=f"/{name}").geturl(), tmp_path))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
