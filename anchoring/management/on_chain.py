"""What commands that need tables or the chain share: how their troubles end them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from anchoring.chain import ChainError, ChainUnavailable
from anchoring.schedule import Halted
from anchoring.trust import KeyNotAtHand

SILENT = 3


@contextmanager
def troubles_in_words() -> Iterator[None]:
    """One sentence on standard error: exit code 3 when nobody answers (try again later), 1 for anything else."""
    try:
        with missing_tables_in_words():
            yield
    except ChainUnavailable as error:
        raise CommandError(str(error), returncode=SILENT) from error
    except (ChainError, Halted, KeyNotAtHand) as error:
        raise CommandError(str(error), returncode=1) from error


@contextmanager
def missing_tables_in_words() -> Iterator[None]:
    """One sentence, exit code 1, when a query fails and migrations are still to be run."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise
        raise CommandError("The database's tables are missing or out of date. Run: manage.py migrate") from error
