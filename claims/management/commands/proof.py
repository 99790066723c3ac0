"""``proof NUMBER -o FILE``: the proof of record of a claim, policy, quote, payment or identity case."""

import sys
import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from anchoring import log, vault
from claims.models import Claim, KycCase, Policy, PremiumPayment, Quote
from claims.numbers import SERIES, NumberError, parse_number
from claims.papers.proofs import CERTIFICATE, FILE, ProofForm
from claims.workflow import Thing, subject_of

MODELS: dict[str, type[Thing]] = {
    "CLM": Claim, "POL": Policy, "QUO": Quote, "PAY": PremiumPayment, "KYC": KycCase,
}  # fmt: skip

HOW_TO_CHECK = {
    FILE.ending: "python3 verify.py {path} --trust trust.json",
    CERTIFICATE.ending: "save the file that is attached to it, and give that to verify.py",
}


class Command(BaseCommand):
    """Whoever can run this reads the whole database anyway: the file shows all facts that are still readable."""

    help = (
        "Write the proof of record of NUMBER (CLM-…, POL-…, QUO-…, PAY-… or KYC-…), with all facts shown; with"
        " --tlog the place in the log alone. Exits 0; 1 when nothing has that number, it is not sealed yet (--tlog) or"
        " the file cannot be written, in one sentence."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The number, where to write, and which event."""
        parser.add_argument("number", metavar="NUMBER")
        parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: NUMBER.proof.json, here")
        parser.add_argument(
            "--certificate", action="store_const", const=CERTIFICATE, default=FILE, dest="form",
            help="write the certificate for people: a PDF with the proof inside (NUMBER.certificate.pdf)",
        )  # fmt: skip
        parser.add_argument("--event", metavar="UUID", type=uuid.UUID, help="only this entry of the record's history")
        parser.add_argument(
            "--tlog", action="store_true",
            help="instead, the place of one entry (without --event the first) as a C2SP tlog-proof, default"
            " NUMBER.tlog-proof, and beside it FILE.entry, the bytes that it is about: for the tools of others",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Find, prove, write."""
        thing = _thing(options["number"])
        try:
            if options["tlog"]:
                self._write_place(thing, options["event"], options["output"] or Path(f"{thing.number}.tlog-proof"))
            else:
                form: ProofForm = options["form"]
                self._write_proof(
                    thing, options["event"], options["output"] or Path(form.file_name(thing.number)), form
                )
        except log.NoSuchRecord as error:
            raise CommandError(f"{thing.number} has no such event in the log.") from error
        except log.NotSealed as error:
            raise CommandError(str(error)) from error
        except vault.VaultError as error:
            raise CommandError(f"The facts of {thing.number} cannot be read: {error}.") from error

    def _write_proof(self, thing: Thing, event: uuid.UUID | None, path: Path, form: ProofForm) -> None:
        with tqdm(unit=" entries", file=sys.stderr, leave=False, disable=None) as bar:  # if a map is recomputed
            made = form.make(subject_of(thing), owners=None, event=event, progress=bar.update)
        _write(path, made)
        self.stdout.write(
            f"Wrote {path} ({len(made):,} bytes). Check it: {HOW_TO_CHECK[form.ending].format(path=path)}"
        )

    def _write_place(self, thing: Thing, event: uuid.UUID | None, path: Path) -> None:
        placed = log.place(subject_of(thing), entry=event)
        beside = path.with_name(f"{path.name}.entry")
        _write(path, placed.text.encode())
        _write(beside, placed.entry)
        self.stdout.write(
            f"Wrote {path}, and {beside} ({len(placed.entry):,} bytes). A tlog-proof tool checks one against the other,"
            " with a log key of trust.json."
        )


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error


def _thing(text: str) -> Thing:
    """The record with that number, however it is written. Raises CommandError."""
    series = text.strip()[:3].upper()
    if series not in MODELS:
        raise CommandError(f"This is not a number of ours: they begin with {', '.join(MODELS)}.")
    try:
        number = str(parse_number(text, series=series))
    except NumberError as error:
        raise CommandError(str(error)) from error
    found: Thing | None = MODELS[series]._default_manager.filter(number=number).order_by("pk").first()
    if found is None:
        raise CommandError(f"No {SERIES[series]} has the number {number}.")
    return found
