"""``export_log FOLDER``: the newest anchored checkpoint and its hash tiles as static files."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from anchoring import publishing
from anchoring.models import Checkpoint


class Command(BaseCommand):
    """Hashes and signatures only: the folder may be public."""

    help = (
        "Write checkpoint and tile/… (C2SP tlog-tiles) into FOLDER, as they are served under /log/, for the newest"
        " anchored checkpoint. Run it again to go on where it stopped or to bring the folder up to date; a tile that"
        " is there is never written again. Exits 0; 1 when nothing is anchored yet or a file cannot be written; 130"
        " when it was interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to."""
        parser.add_argument("folder", metavar="FOLDER", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write behind a progress bar, then say how many."""
        checkpoint = publishing.newest_checkpoint()
        if checkpoint is None:
            raise CommandError("No checkpoint is anchored yet: there is nothing to export.")
        written = _write(options["folder"], checkpoint)
        self.stdout.write(
            f"Checkpoint {checkpoint.size:,} is in {options['folder']}: {written:,} tiles written now, the others were"
            " there."
        )


def _write(folder: Path, checkpoint: Checkpoint) -> int:
    """How many tiles were written."""
    total = len(publishing.tile_paths(checkpoint.size))
    written = 0
    try:
        with tqdm(total=total, unit=" tiles", file=sys.stderr, disable=None, leave=False) as bar:
            for is_new in publishing.export_log(folder, checkpoint):
                written += is_new
                bar.update()
    except OSError as error:
        raise CommandError(f"The log cannot be written into {folder}: {error.strerror}.") from error
    except KeyboardInterrupt as stop:
        raise CommandError("Interrupted. Run it again: it goes on where it stopped.", returncode=130) from stop
    return written
