"""The process that plays the table: one JSON line for each row as it ends. ``manage.py anchor_drill`` starts it.

    python -c "import django; django.setup(); from anchoring.drill import driver; driver.main()" [ID …]

On scratch databases only: it refuses to run on any other.
"""

import json
import logging
import sys
from pathlib import PurePath

from django.conf import settings
from django.core.management import call_command

from anchoring.drill.row import BOTH, play
from anchoring.drill.table import TABLE


def main() -> None:
    """Migrate, then play the rows that the arguments name, or all."""
    require_scratch(str(settings.DATABASES["default"]["NAME"]))
    logging.disable()  # what rows provoke is no news
    call_command("migrate", verbosity=0)
    call_command("migrate", database="vault", verbosity=0)
    wanted = sys.argv[1:]
    for row in TABLE:
        if not wanted or row.id in wanted:
            for replies in BOTH:
                sys.stdout.write(json.dumps(play(row, replies).as_json()) + "\n")
                sys.stdout.flush()


def require_scratch(database: str) -> None:
    """Exit unless that name is one that anchoring.drill.scratch gives."""
    name = PurePath(database).name
    if name != "drill.sqlite3" and not name.startswith("touchstone_drill_"):
        sys.exit(f"The drill runs on databases of its own, not on {name}: start it by manage.py anchor_drill.")
