"""``migrate`` brings the vault's own store up to date together with the main database."""

from django.core.management.commands.migrate import Command as MigrateCommand


class Command(MigrateCommand):
    """Django's own command; from the command line it also migrates ``vault``, unless one database is named."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Migrate the main database, then the vault."""
        super().run_from_argv(argv)
        if not any(word.startswith("--database") for word in argv):
            super().run_from_argv([*argv, "--database=vault", "--verbosity=0"])
