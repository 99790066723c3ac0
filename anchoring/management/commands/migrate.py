"""``migrate`` also brings the vault's own store and the database's guards up to date."""

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import DEFAULT_DB_ALIAS

from anchoring import guards


class Command(MigrateCommand):
    """Django's own command; from the command line it also migrates ``vault``, unless one database is named.

    Afterwards the main database has the guards that are declared now. They stay on while migrations run: one that
    changes recorded rows without an entry is refused like anyone else.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate one database; for the main one, put its guards right."""
        super().handle(*args, **options)
        if options["database"] == DEFAULT_DB_ALIAS and not options["plan"]:
            guards.install()

    def run_from_argv(self, argv: list[str]) -> None:
        """Migrate the main database, then the vault."""
        super().run_from_argv(argv)
        if not any(word.startswith("--database") for word in argv):
            super().run_from_argv([*argv, "--database=vault", "--verbosity=0"])
