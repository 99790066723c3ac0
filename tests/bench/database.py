"""The bench's own databases: made by the test runner's machinery, gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, connections

from anchoring import vault, witness


@contextmanager
def databases() -> Iterator[None]:
    """Main database and vault, migrated and empty, and a witness who has seen nothing.

    No lock on the main database is waited for longer than ten seconds.
    """
    names = {alias: connections[alias].settings_dict["NAME"] for alias in settings.DATABASES}
    for alias in names:
        connections[alias].creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    if settings.POSTGRESQL:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {connection.settings_dict['NAME']} SET lock_timeout = '10s'")
    vault.forget_cached_keys()
    witness.path().unlink(missing_ok=True)
    try:
        yield
    finally:
        for alias, name in names.items():
            connections[alias].creation.destroy_test_db(name, verbosity=0)


def described() -> str:
    """The database's version and whether commits are durable."""
    with connection.cursor() as cursor:
        if not settings.POSTGRESQL:
            cursor.execute("SELECT sqlite_version()")
            version = cursor.fetchone()[0]
            cursor.execute("PRAGMA synchronous")
            return f"SQLite {version}, journal WAL, synchronous {cursor.fetchone()[0]} (2: every commit is flushed)"
        settings_of_server = []
        for name in ("server_version", "fsync", "synchronous_commit", "shared_buffers"):
            cursor.execute(f"SHOW {name}")
            settings_of_server.append(f"{name.replace('_', ' ')} {cursor.fetchone()[0]}")
        return "PostgreSQL, " + ", ".join(settings_of_server)
