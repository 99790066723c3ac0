"""Databases, keys and a folder that nobody misses, and child processes that know no others.

A child gets none of this process's settings: its environment is made of the few variables below and of ours. So a
drill on a production machine cannot reach the operator's databases, keys or chain, whatever is set there.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from anchoring.chain import address_of

ROOT = Path(__file__).resolve().parents[2]
RUN_SECONDS = 300
STOP_SECONDS = 10
# What a process needs to run at all, and where it finds libraries and certificates.
_KEPT = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV",
    "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUTF8", "COVERAGE_PROCESS_START",
    "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT",
)  # fmt: skip


class ScratchError(Exception):
    """A scratch database could not be made, or a child failed; the text says what it said."""


class Scratch:
    """Where children run. ``environment`` may be added to before a child is started; ``scratch()`` makes one."""

    def __init__(self, *, folder: Path, environment: dict[str, str], stack: ExitStack) -> None:
        self.folder = folder
        self.environment = environment
        self._stack = stack
        self._logs: dict[int, Path] = {}

    @property
    def chain_key(self) -> bytes:
        """The 32-byte key that pays for anchors here."""
        return bytes.fromhex(self.environment["CHAIN_KEY"])

    @property
    def chain_address(self) -> bytes:
        """The address to fund."""
        return address_of(self.chain_key)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """This Python with these arguments (``manage.py …``, ``-c …``), to its end; exit code and output are in it."""
        return subprocess.run(
            [sys.executable, *words], env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
        )  # fmt: skip

    def python(self, *words: str) -> str:
        """What the child printed; ScratchError if it failed."""
        done = self.run(*words)
        if done.returncode != 0:
            raise ScratchError(f"{' '.join(words)[:200]} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout.strip()

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """A child that runs on, in a process group of its own; if it is alive at the end, it is killed.

        What it prints is read from its ``stdout``; what it logs goes to ``log(child)``.
        """
        log = tempfile.NamedTemporaryFile(dir=self.folder, delete=False)  # noqa: SIM115 - the child writes on
        with log:
            child = subprocess.Popen(
                [sys.executable, *words], env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        self._logs[child.pid] = Path(log.name)
        self._stack.callback(self.kill, child)
        return child

    def log(self, child: "subprocess.Popen[str]") -> str:
        """What the child has written to its stderr so far."""
        return self._logs[child.pid].read_text(errors="replace")

    def kill(self, child: "subprocess.Popen[str]") -> None:
        """Kill it with all of its group, as a power cut does; nothing happens if it has ended and was waited for."""
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(timeout=STOP_SECONDS)
        if child.stdout is not None:
            child.stdout.close()


@contextmanager
def scratch(*, chain_url: str, postgresql: str | None = None) -> Iterator[Scratch]:
    """A folder, keys and two empty databases, all gone afterwards: SQLite files, or beside the given PostgreSQL one.

    ``postgresql`` is the URL of a database whose user may make others; nothing in that one is read or changed. If this
    process is killed, two databases named ``touchstone_drill_…`` stay behind. Ask children to ``migrate`` first.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="touchstone-drill-")))
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        yield Scratch(
            folder=folder, environment=kept | _settings(folder, chain_url) | _databases(stack, folder, postgresql),
            stack=stack,
        )  # fmt: skip


def _settings(folder: Path, chain_url: str) -> dict[str, str]:
    keys = ("SECRET_KEY", "VAULT_KEY", "LOG_KEY", "RECEIPT_KEY", "CHAIN_KEY")
    return {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "TOUCHSTONE_MODE": "development",
        "TOUCHSTONE_VAR": str(folder),
        "LOG_ORIGIN": "drill.example/log",
        "REDIS_URL": "memory://",
        "EMAIL_URL": "outbox:",
        "CHAIN_RPC_URL": chain_url,
        **{name: secrets.token_hex(32) for name in keys},
    }


def _databases(stack: ExitStack, folder: Path, postgresql: str | None) -> dict[str, str]:
    if postgresql is None:
        return {
            "DATABASE_URL": f"sqlite:///{folder / 'drill.sqlite3'}",
            "VAULT_URL": f"sqlite:///{folder / 'vault.sqlite3'}",
        }
    if urlsplit(postgresql).scheme not in ("postgres", "postgresql"):
        raise ScratchError("The URL names no PostgreSQL database: it must start with postgresql://.")
    return {name: _database_beside(postgresql, stack) for name in ("DATABASE_URL", "VAULT_URL")}


def _database_beside(url: str, stack: ExitStack) -> str:
    """A new database on the same server; dropped at the end, whoever is still connected. Its URL."""
    name = f"touchstone_drill_{secrets.token_hex(8)}"
    try:
        server = stack.enter_context(psycopg.connect(url, autocommit=True))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        # a URL that cannot be read is repeated in the text, with its password
        said = error.diag.message_primary or (str(error) if isinstance(error, psycopg.OperationalError) else "bad URL")
        raise ScratchError(f"No scratch database can be made on that PostgreSQL server: {said}") from None
    stack.callback(server.execute, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    return urlsplit(url)._replace(path=f"/{name}").geturl()
