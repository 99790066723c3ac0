"""``anchor_drill``: play every fault that anchoring must survive, on a node and databases of its own, and print how."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring.drill.anvil import NoAnvil, find_anvil
from anchoring.drill.row import BOTH
from anchoring.drill.scratch import Scratch, ScratchError, scratch
from anchoring.drill.table import TABLE

NO_NODE = 3
DRIVER = "import django; django.setup(); from anchoring.drill import driver; driver.main()"
NO_CHAIN = "http://127.0.0.1:9"  # each row has a node of its own; nothing else may be asked
GET_ANVIL = "There is no anvil, the node that the drill runs on. Run `make anvil`, or set ANVIL to its path."
ROWS_IN_ONE_LOG = 10  # each registers the log twice, and every version of trust.json repeats all registrations
WIDTH = max(len(row.id) for row in TABLE)


class Command(BaseCommand):
    """Touches no database, key or chain of this installation: a child with settings of its own does all of it."""

    help = (
        "Play reorganisations, lost replies, lying endpoints, killed workers, fee spikes, strangers and handovers on"
        " development nodes, and examine after each that nothing is lost and nothing doubled. Every row is played"
        " twice: with the replies to what is sent, and with all of them lost. Exits 0 when all rows end as they must,"
        " 1 when one does not, 2 for an option that makes no sense, 3 without anvil."
    )
    requires_system_checks = ()  # the operator's settings are none of its business

    def add_arguments(self, parser: CommandParser) -> None:
        """Which rows, where, and for whom it prints."""
        parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="these rows alone")
        parser.add_argument(
            "--postgresql", metavar="URL",
            help="play in two new databases on that server, which are dropped afterwards, instead of SQLite files",
        )  # fmt: skip
        parser.add_argument(
            "--json", action="store_true", help="one JSON line for each row and each way of its replies"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each line as it comes."""
        wanted = _wanted(options["only"])
        anvil, bad = _anvil(), 0
        try:
            for line in _played(wanted, anvil=anvil, postgresql=options["postgresql"]):
                bad += not line["good"]
                self.stdout.write(json.dumps(line) if options["json"] else _as_text(line))
                self.stdout.flush()
        except ScratchError as error:
            raise CommandError(str(error), returncode=2) from error
        count = len(wanted) * len(BOTH)
        if bad:
            raise CommandError(f"{bad} of {count} did not end as they must.", returncode=1)
        if not options["json"]:
            self.stdout.write(f"All {count} ended as they must: nothing lost, nothing doubled.")


def _wanted(only: list[str]) -> list[str]:
    """The ids to play, in the table's order. Raises CommandError for one that is in no row."""
    ids = [row.id for row in TABLE]
    unknown = [word for word in only if word not in ids]
    if unknown:
        raise CommandError(f"No row is called {', '.join(unknown)}. There are: {', '.join(ids)}.", returncode=2)
    return [row for row in ids if not only or row in only]


def _anvil() -> str:
    try:
        found = find_anvil()
    except NoAnvil as error:
        raise CommandError(str(error), returncode=NO_NODE) from error
    if found is None:
        raise CommandError(GET_ANVIL, returncode=NO_NODE)
    return str(found)


def _played(wanted: list[str], *, anvil: str, postgresql: str | None) -> Iterator[dict[str, Any]]:
    """Every row's two lines, from one log after the other. Raises ScratchError."""
    for start in range(0, len(wanted), ROWS_IN_ONE_LOG):
        with scratch(chain_url=NO_CHAIN, postgresql=postgresql) as place:
            place.environment["ANVIL"] = anvil
            yield from _lines(place, wanted[start : start + ROWS_IN_ONE_LOG])


def _lines(place: Scratch, wanted: list[str]) -> Iterator[dict[str, Any]]:
    """Each row's two lines as the driver writes them; one in words for each that did not come before it ended."""
    driver = place.start("-c", DRIVER, *wanted)
    missing = [(row, replies) for row in wanted for replies in BOTH]
    assert driver.stdout is not None
    for text in driver.stdout:
        line = json.loads(text)
        missing.remove((line["id"], line["replies"]))
        yield line
    code = driver.wait()
    sys.stderr.write(place.log(driver))
    for row, replies in missing:
        problem = f"It was not played: the process that plays the table ended with {code}."
        yield {"id": row, "replies": replies, "good": False, "seconds": 0.0, "story": "", "problems": [problem]}


def _as_text(line: dict[str, Any]) -> str:
    mark = "✓" if line["good"] else "✗"
    first = f"{mark} {line['id']:{WIDTH}} replies {line['replies']:4} {line['seconds']:5.1f} s  {line['story']}"
    return "\n".join([first, *(f"    {problem}" for problem in line["problems"])])
