"""``export_proofs FOLDER``: every proof of the log, or of one person, as files."""

import sys
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse
from tqdm import tqdm

from anchoring.export import export, subjects
from anchoring.log import person


class Command(BaseCommand):
    """The files hold facts in clear: keep the folder as you keep the database."""

    help = (
        "Write the proof of record of every subject, or of those that hold facts about one person (and those facts"
        " alone), into FOLDER, with trust.json and verify.py to check them. Run it again to go on where it stopped or"
        " to bring the files up to date. Exits 0; 1 when a file cannot be written; 130 when it was interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to, and whose."""
        parser.add_argument("folder", metavar="FOLDER", type=Path)
        parser.add_argument("--person", metavar="UUID", type=uuid.UUID, help="only what concerns this person")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write behind a progress bar, then say how many."""
        folder: Path = options["folder"]
        owner = None if options["person"] is None else person(options["person"])
        wanted = subjects(owner=owner)
        if owner is not None and not wanted:
            raise CommandError(f"The log holds no facts about person {options['person']}.")
        written, waiting = write_all(folder, wanted, owner=owner)
        self.stdout.write(f"{len(wanted):,} proofs in {folder}: {written:,} written now, the others were up to date.")
        self.stdout.write(
            "trust.json, verify.py and README.txt lie beside them. The site serves the same trust.json at"
            f" {settings.SITE_URL}{reverse('trust-json')}; log_key show prints its fingerprint."
        )
        if waiting:
            self.stdout.write(f"{waiting:,} of them are not anchored yet. Run this again once they are.")


def write_all(folder: Path, wanted: list[Any], *, owner: str | None = None) -> tuple[int, int]:
    """Export behind a progress bar on a terminal: how many were written, and how many are not anchored yet."""
    written = waiting = 0
    try:
        with tqdm(total=len(wanted), unit=" proofs", file=sys.stderr, disable=None, leave=False) as bar:
            for made in export(folder, wanted, owner=owner):
                written += made.written
                waiting += not made.anchored
                bar.update()
    except OSError as error:
        raise CommandError(f"The proofs cannot be written into {folder}: {error.strerror}.", returncode=1) from error
    except KeyboardInterrupt as stop:
        raise CommandError("Interrupted. Run it again: it goes on where it stopped.", returncode=130) from stop
    return written, waiting
