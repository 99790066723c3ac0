"""``fsck``: recompute the log and everything around it, and name each row that differs."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from anchoring.fsck import Finding, Tally, scan, workload
from anchoring.models import Scan


class Command(BaseCommand):
    """Changes nothing it looks at, over one snapshot: it may run beside a busy site."""

    help = (
        "Compare guards, business rows, entries, openings, leaves, tiles, checkpoints, trust.json, anchors and the"
        " chain with each other. Prints for each difference the row and since when, then what was checked, and keeps it"
        " for the status page. Exits 0 when all agree (a silent chain is said, not counted), 1 when anything differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """One choice: for people or for programs."""
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print findings as they come, behind a progress bar, which is drawn on a terminal only."""
        with tqdm(total=workload(), unit=" rows", file=sys.stderr, disable=None, leave=False) as bar:
            done = scan(show=_nothing if options["json"] else self._show, progress=bar.update)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(done)))
        else:
            self._summarise(done)
        if done.found:
            raise CommandError(_count(done.found, "difference") + " found.", returncode=1)
        if not options["json"]:
            agrees = "All that was checked agrees; the chain was not checked."
            self.stdout.write(agrees if _not_checked(done) else "Everything agrees.")

    def _show(self, finding: Finding, since: str) -> None:
        self.stdout.write(f"{finding}\n    {since}")

    def _summarise(self, done: Scan) -> None:
        tally = Tally(**done.checked)
        self.stdout.write(
            f"Checked {_count(tally.rows, 'business row')} ({_count(tally.columns, 'column')}),"
            f" {_count(tally.entries, 'entry', 'entries')}, {_count(tally.leaves, 'leaf', 'leaves')},"
            f" {_count(tally.tiles, 'tile')}, {_count(tally.checkpoints, 'checkpoint')},"
            f" {_count(tally.trust_versions, 'trust version')}, {_count(tally.anchors, 'anchor')}."
        )
        if tally.waiting or tally.unsigned:
            self.stdout.write(
                f"Pending: {_count(tally.waiting, 'entry', 'entries')} without a place in the log,"
                f" {_count(tally.unsigned, 'leaf', 'leaves')} without a signature. The next sequencing does both."
            )
        if tally.not_comparable:
            self.stdout.write(
                f"Not comparable, because the key was destroyed: {_count(tally.not_comparable, 'field')}."
            )
        self.stdout.write(f"{done.chain}.")


def _nothing(finding: Finding, since: str) -> None:
    """Programs get it all at the end."""


def _not_checked(done: Scan) -> str:
    """Why the chain was not checked, or empty."""
    said, _, why = done.chain.partition(": ")
    return why if said == "chain not checked" else ""


def _as_json(done: Scan) -> dict[str, Any]:
    why = _not_checked(done)
    return {
        "findings": done.findings,
        "found": done.found,
        "checked": done.checked,
        "chain": "not checked" if why else "differs" if done.chain.endswith("differs") else "agrees",
        "chain_not_checked_because": why,
        "took_ms": done.took_ms,
    }


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
