"""Children of a drill see throw-away databases, keys and folders, whatever this process's own settings are."""

import json
import os
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from anchoring.drill.scratch import Scratch, ScratchError, scratch

POSTGRESQL = os.environ.get("DATABASE_URL", "")
CHAIN = "http://127.0.0.1:9"
needs_postgresql = pytest.mark.skipif(not POSTGRESQL.startswith("postgres"), reason="DATABASE_URL names no PostgreSQL")
SETTINGS = """
import json
from django.conf import settings
print(json.dumps({
    "names": [str(settings.DATABASES[alias]["NAME"]) for alias in ("default", "vault")],
    "var": str(settings.VAR_DIR), "chain": settings.CHAIN_RPC_URL, "redis": settings.REDIS_URL, "mode": settings.MODE,
    "keys": [settings.VAULT_KEY, settings.LOG_KEY, settings.RECEIPT_KEY, settings.CHAIN_KEY, settings.SECRET_KEY],
    "mail": settings.EMAIL_BACKEND,
}))
"""
RECORD = """
import django; django.setup()
from anchoring.models import DataKey, Entry
from tests.anchoring.log_world import note
from django.db import transaction
with transaction.atomic():
    note()
print(Entry.objects.count(), DataKey.objects.count())
"""


def settings_of(place: Scratch) -> dict:
    return json.loads(place.python("-c", SETTINGS))


def databases() -> set[str]:
    with psycopg.connect(POSTGRESQL, autocommit=True) as server:
        return {name for (name,) in server.execute("SELECT datname FROM pg_database")}


def test_children_know_nothing_of_the_operators_settings(monkeypatch, tmp_path) -> None:
    operators = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/operator.sqlite3", "VAULT_URL_FILE": str(tmp_path / "vault_url"),
        "TOUCHSTONE_MODE": "production", "TOUCHSTONE_VAR": str(tmp_path), "CHAIN_KEY": "ab" * 32,
        "CHAIN_RPC_URL_FILE": str(tmp_path / "url"), "REDIS_URL": "redis://operator", "EMAIL_URL": "smtp://operator",
        "LOG_KEY_FILE": str(tmp_path / "log"), "DJANGO_SETTINGS_MODULE": "tests.settings",
    }  # fmt: skip
    for name, value in operators.items():
        monkeypatch.setenv(name, value)
    with scratch(chain_url=CHAIN) as place:
        told = settings_of(place)
        folder = place.folder
        assert told["keys"] == [place.environment[name] for name in
                                ("VAULT_KEY", "LOG_KEY", "RECEIPT_KEY", "CHAIN_KEY", "SECRET_KEY")]  # fmt: skip
    assert (len(set(told.pop("keys"))), "ab" * 32 in told) == (5, False)
    assert told == {
        "names": [str(folder / "drill.sqlite3"), str(folder / "vault.sqlite3")], "var": str(folder), "chain": CHAIN,
        "redis": "memory://", "mode": "development", "mail": "portal.outbox.EmailBackend",
    }  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_on_sqlite_all_is_gone_afterwards() -> None:
    with scratch(chain_url=CHAIN) as place:
        place.python("manage.py", "migrate")
        assert place.python("-c", RECORD) == "1 2"  # the house and alice
        with closing(sqlite3.connect(place.folder / "drill.sqlite3")) as connection:
            assert connection.execute("SELECT count(*) FROM anchoring_entry").fetchone() == (1,)
    assert not place.folder.exists()


def test_each_scratch_has_keys_of_its_own() -> None:
    with scratch(chain_url=CHAIN) as one, scratch(chain_url=CHAIN) as other:
        assert one.chain_key.hex() == one.environment["CHAIN_KEY"]
        assert (len(one.chain_address), one.chain_address != other.chain_address) == (20, True)


@needs_postgresql
def test_on_postgresql_two_databases_stand_beside_the_given_one_and_are_dropped() -> None:
    before = databases()
    with scratch(chain_url=CHAIN, postgresql=POSTGRESQL) as place:
        names = [urlsplit(place.environment[name]).path[1:] for name in ("DATABASE_URL", "VAULT_URL")]
        assert (len(set(names)), databases() - before, settings_of(place)["names"]) == (2, set(names), names)
        place.python("manage.py", "migrate")
        assert place.python("-c", RECORD) == "1 2"  # the house and alice
        with psycopg.connect(place.environment["DATABASE_URL"]) as still_open:
            assert still_open.execute("SELECT count(*) FROM anchoring_entry").fetchone() == (1,)
            left_open = psycopg.connect(place.environment["VAULT_URL"])
    assert databases() == before
    left_open.close()


@needs_postgresql
def test_on_postgresql_a_fault_drops_the_databases_too() -> None:
    before = databases()
    with pytest.raises(ZeroDivisionError), scratch(chain_url=CHAIN, postgresql=POSTGRESQL):
        _ = 1 / 0
    assert databases() == before


def test_what_is_no_postgresql_is_refused() -> None:
    with (
        pytest.raises(ScratchError, match="names no PostgreSQL database: it must start with postgresql://"),
        scratch(chain_url=CHAIN, postgresql="mysql://me:SECRET@db/x"),
    ):
        pass


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:SECRET@127.0.0.1:9/x", "No scratch database can be made on that PostgreSQL server: conn"),
        ("postgresql://me:SECRET@127.0.0.1:9/x?SECRET=1", "No scratch database can be made .* server: bad URL"),
    ],
)
def test_a_server_that_makes_no_database_is_told_without_the_password(url, said) -> None:
    with pytest.raises(ScratchError, match=said) as caught, scratch(chain_url=CHAIN, postgresql=url):
        pass
    assert "SECRET" not in str(caught.value)


def test_a_child_that_fails_is_told_with_what_it_said() -> None:
    with scratch(chain_url=CHAIN) as place:
        assert place.run("-c", "import sys; print(1); sys.exit(3)").returncode == 3
        with pytest.raises(ScratchError, match=r"^-c raise SystemExit\('no luck'\) ended with 1: no luck$"):
            place.python("-c", "raise SystemExit('no luck')")


TWO = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("logged", file=sys.stderr, flush=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def is_gone(pid: int) -> bool:
    """Ended; a zombie only waits for its new parent."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def ended(child: subprocess.Popen[str], grandchild: int) -> bool:
    """Both were killed; the grandchild may take a moment, as nobody waited for it."""
    ends = time.monotonic() + 5
    while not is_gone(grandchild) and time.monotonic() < ends:
        time.sleep(0.02)
    return child.returncode == -9 and is_gone(grandchild)


def test_a_killed_child_takes_what_it_started_with_it() -> None:
    with scratch(chain_url=CHAIN) as place:
        child = place.start("-c", TWO)
        grandchild = int(child.stdout.readline())
        assert place.log(child) == "logged\n"
        place.kill(child)
        assert ended(child, grandchild)
        place.kill(child)


def test_a_child_that_runs_on_is_killed_at_the_end() -> None:
    with scratch(chain_url=CHAIN) as place:
        child = place.start("-c", TWO)
        grandchild = int(child.stdout.readline())
    assert ended(child, grandchild)
