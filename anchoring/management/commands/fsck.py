"""``fsck``: recompute the log and everything around it, and name each row that differs."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from anchoring.fsck import Finding, Tally, fsck, workload
from anchoring.management.on_chain import ChainVerdict, ask_chain


class Command(BaseCommand):
    """Reads only, over one snapshot: it may run beside a busy site."""

    help = (
        "Compare business rows, entries, openings, leaves, tiles, checkpoints, trust.json, anchors and the chain with"
        " each other. Prints one line for each difference, naming the row, then what was checked. Exits 0 when all"
        " agree (a silent chain is said, not counted), 1 when anything differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """One choice: for people or for programs."""
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print findings as they come."""
        tally = Tally()
        show: Callable[[Finding], None] = (lambda finding: None) if options["json"] else self._show
        findings = _scan(tally, show)
        chain = ask_chain()
        for finding in chain.findings:
            show(finding)
        findings += chain.findings
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(findings, tally, chain)))
        else:
            self._summarise(tally, chain)
        if findings:
            raise CommandError(_count(len(findings), "difference") + " found.", returncode=1)
        if not options["json"]:
            self.stdout.write(
                "All that was checked agrees; the chain was not checked." if chain.not_checked else "Everything agrees."
            )

    def _show(self, finding: Finding) -> None:
        self.stdout.write(str(finding))

    def _summarise(self, tally: Tally, chain: ChainVerdict) -> None:
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
        self.stdout.write(f"{chain}.")


def _scan(tally: Tally, show: Callable[[Finding], None]) -> list[Finding]:
    """Scan behind a progress bar, which is drawn on a terminal only."""
    findings = []
    with tqdm(total=workload(), unit=" rows", file=sys.stderr, disable=None, leave=False) as bar:
        for finding in fsck(tally=tally, progress=bar.update):
            findings.append(finding)
            show(finding)
    return findings


def _as_json(findings: list[Finding], tally: Tally, chain: ChainVerdict) -> dict[str, Any]:
    return {
        "findings": [asdict(finding) for finding in findings],
        "checked": asdict(tally),
        "chain": "not checked" if chain.not_checked else "differs" if chain.findings else "agrees",
        "chain_not_checked_because": chain.not_checked,
    }


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
