"""What every test shares: both databases, empty caches, and a reset that may lift the log's guards."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test import TransactionTestCase

from anchoring import config, vault

DATABASES = ["default", "vault"]
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
pytest_plugins = ["tests.people"]


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test that asks for the database gets the vault's as well."""
    marker = item.get_closest_marker("django_db")
    if marker is not None and "databases" not in marker.kwargs:
        item.add_marker(pytest.mark.django_db(**marker.kwargs, databases=DATABASES), append=False)


@pytest.fixture(autouse=True)
def _nothing_cached(tmp_path) -> Iterator[None]:
    """No key, rate limit, outbox or witness of an earlier test."""
    vault.forget_cached_keys()
    cache.clear()
    config.forget_endpoints()
    settings.OUTBOX_DIR = tmp_path / "outbox"
    settings.WITNESS_DIR = tmp_path / "witness"
    yield
    vault.forget_cached_keys()


def _flush_with_guards_lifted(self: TransactionTestCase) -> None:
    """Empty all tables after a test that really committed; only here are the guards lifted, and put back."""
    for alias in self._databases_names(include_mirrors=False):
        connection = connections[alias]
        tables = [t for t in connection.introspection.table_names() if t not in KEPT]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                _empty_postgresql(cursor, tables)
            else:
                _empty_sqlite(cursor, tables)


def _empty_postgresql(cursor, tables: list[str]) -> None:
    for table in tables:
        cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
    cursor.execute("TRUNCATE " + ", ".join(f'"{t}"' for t in tables) + " RESTART IDENTITY CASCADE")
    for table in tables:
        cursor.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')


def _empty_sqlite(cursor, tables: list[str]) -> None:
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    triggers = cursor.fetchall()
    cursor.execute("PRAGMA foreign_keys = OFF")
    for name, _ in triggers:
        cursor.execute(f'DROP TRIGGER "{name}"')
    for table in tables:
        cursor.execute(f'DELETE FROM "{table}"')
    for _, sql in triggers:
        cursor.execute(sql)
    cursor.execute("PRAGMA foreign_keys = ON")


TransactionTestCase._fixture_teardown = _flush_with_guards_lifted
