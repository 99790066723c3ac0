"""``import_claims``: another insurer's claims from a file, row by row, through the same actions as everyone's."""

import fcntl
import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from claims.importers import desk, tsa

UNUSABLE = 2
INTERRUPTED = 130
_ROWS_A_LINE = 500


@dataclass
class Tally:
    """What one run did; the amounts, in minor units, are those of the rows imported in it."""

    rows: int = 0
    imported: int = 0
    refused: int = 0
    duplicates: int = 0
    claimed_minor: int = 0
    paid_minor: int = 0


class Command(BaseCommand):
    """Idempotent and resumable: each row goes on from where an earlier run left it."""

    help = (
        "Import claims with their decisions and payments. Bad rows are refused one by one into the report, a file of "
        "JSON lines. Ends with one line of JSON. A second run imports nothing; a run that died is resumed by running "
        "it again. Exits 2 when the file as a whole cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Named as in the README."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--format", choices=["tsa"], required=True, help="the file's layout")
        parser.add_argument("--limit", type=_count, help="only the first LIMIT rows")
        parser.add_argument("--dry-run", action="store_true", help="judge every row, write nothing to the database")
        parser.add_argument(
            "--as-of", type=_loss_day, metavar="DATE", dest="as_of",
            help="the day, YYYY-MM-DD, that stands in for the day of loss where the layout has none (default: today)",
        )  # fmt: skip
        parser.add_argument("--report", type=Path, help="where to write the refused rows, one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, then say what happened in one line."""
        with ExitStack() as opened:
            run = _open(options, opened)
            try:
                for row in self._with_progress(run):
                    run.take(row)
            except KeyboardInterrupt as problem:
                again = "Stopped. Run the same command again: it goes on where this run ended."
                raise CommandError(again, returncode=INTERRUPTED) from problem
        self.stdout.write(json.dumps(asdict(run.tally), separators=(",", ":")))

    def _with_progress(self, run: "_Run") -> Iterator[tsa.Row]:
        """A bar on a terminal, a line every few hundred rows elsewhere; both on standard error."""
        quiet = not run.options["verbosity"]
        bar = tqdm(run.rows, total=run.expected, unit=" rows", disable=quiet or not sys.stderr.isatty())
        for row in bar:
            yield row
            if bar.disable and not quiet and row.number % _ROWS_A_LINE == 0:
                self.stderr.write(f"{row.number} of about {run.expected} rows")


class _Run:
    """One pass over the file. Opening the import desk is its first write."""

    def __init__(self, source: tsa.Source, report: TextIO | None, options: dict[str, Any]) -> None:
        self.source, self.report, self.options = source, report, options
        self.tally = Tally()
        self.rows = islice(tsa.read_rows(source), options["limit"])
        self.expected = min(source.lines - 1, options["limit"] or source.lines)
        self.loss_on: date = options["as_of"] or timezone.now().date()
        self.desk = None if options["dry_run"] else desk.open_desk()

    def take(self, row: tsa.Row) -> None:
        """Judge one row and bring it in."""
        self.tally.rows += 1
        rule = tsa.broken_rule(row)
        if rule is not None:
            self._refuse(row, rule.code, rule.sentence)
            return
        try:
            is_new = self._bring_in(tsa.case_of(row, source=self.source, loss_on=self.loss_on))
        except desk.CaseRefused as refused:
            self._refuse(row, "ACTION_REFUSED", str(refused))
            return
        self._count(row, is_new=is_new)

    def _bring_in(self, case: desk.Case) -> bool:
        return not desk.was_imported(case) if self.desk is None else desk.bring_in(case, desk=self.desk)

    def _count(self, row: tsa.Row, *, is_new: bool) -> None:
        if not is_new:
            self.tally.duplicates += 1
            return
        self.tally.imported += 1
        self.tally.claimed_minor += row.claimed_minor or 0
        self.tally.paid_minor += row.paid_minor or 0

    def _refuse(self, row: tsa.Row, rule: str, text: str) -> None:
        self.tally.refused += 1
        if self.report is not None:
            self.report.write(json.dumps(_refused_line(row, rule, text), ensure_ascii=False) + "\n")


def _open(options: dict[str, Any], opened: ExitStack) -> _Run:
    """Everything that a run needs, or CommandError before anything is imported."""
    file: Path = options["file"]
    try:
        source = tsa.open_source(opened.enter_context(file.open("rb")))
        if not options["dry_run"]:
            _lock(opened)
        return _Run(source, _report(options, opened), options)
    except (tsa.MalformedFile, desk.DeskClosed) as problem:
        raise CommandError(str(problem), returncode=UNUSABLE) from problem
    except OSError as problem:
        sentence = f"Cannot use {problem.filename or file}: {problem.strerror or problem}."
        raise CommandError(sentence, returncode=UNUSABLE) from problem


def _report(options: dict[str, Any], opened: ExitStack) -> TextIO | None:
    """The report, begun anew: every run judges every row."""
    path: Path | None = options["report"]
    if path is None:
        return None
    if path.exists() and path.samefile(options["file"]):
        raise CommandError("The report would overwrite the file that is imported.", returncode=UNUSABLE)
    return opened.enter_context(path.open("w", encoding="utf-8"))


def _lock(opened: ExitStack) -> None:
    """One import at a time: two would pay nothing twice, but refuse each other's steps and both report wrong sums."""
    lock = opened.enter_context((settings.VAR_DIR / "import_claims.lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        raise CommandError("Another import is running here.", returncode=UNUSABLE) from problem


def _refused_line(row: tsa.Row, rule: str, text: str) -> dict[str, str | int | None]:
    """Amounts are in minor units (null when unreadable) and as they stand in the file (null when not found)."""
    return {
        "row": row.number, "line": row.line, "rule": rule, "text": text,
        "claimed_minor": row.claimed_minor, "paid_minor": row.paid_minor,
        "claimed": row.cells.get("Claim.Amount"), "paid": row.cells.get("Close.Amount"),
        "status": row.cells.get("Status"),
    }  # fmt: skip


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"{text!r} is not a number of rows")
    return int(text)


def _loss_day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date like 2026-11-30") from None
    if not tsa.FOUNDED <= day <= timezone.now().date():
        raise ArgumentTypeError(f"{text} must lie between {tsa.FOUNDED} and today")
    return day
