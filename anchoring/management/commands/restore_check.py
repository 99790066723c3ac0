"""``restore_check``: is this database the newest one? And what to do when it is not."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from anchoring import config, recovery, restore, witness
from anchoring.fsck.trust import log_verifiers
from anchoring.keys import verify_ed25519
from anchoring.management.on_chain import troubles_in_words
from anchoring.models import Checkpoint
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.note import open_note
from anchoring.witness import Signed

SILENT = " But the chain was not asked: run this again when it answers."


class Command(BaseCommand):
    """After every restore, before the worker is started; harmless at any time."""

    help = (
        "Compare the database's head with what was signed: the witness file, the exported tiles, the chain. Exits 0"
        " when the log may go on, 1 with the reason when it may not, 3 when there was nobody to ask. --record-loss goes"
        " on after a loss, in public."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What else remembers, and the words for a loss."""
        parser.add_argument("--checkpoint", type=Path, help="a signed checkpoint from elsewhere: a monitor, a holder")
        parser.add_argument(
            "--record-loss", metavar="WORDS",
            help="there is no better backup: register a new log id, record the loss in these words (at most"
            " 200 characters, nothing personal, public for ever) and go on from what this database holds",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Look everywhere, say what each holds, then the verdict."""
        verdict = recovery.look(chain=config.chain())
        self._show(verdict)
        reason = verdict.reason
        if options["checkpoint"] and reason in ("", restore.UNWITNESSED):
            reason = self._elsewhere(options["checkpoint"])
        if options["record_loss"]:
            self._record_loss(options["record_loss"])
        elif reason:
            raise CommandError(reason, returncode=3 if reason == restore.UNWITNESSED else 1)
        else:
            recovery.catch_up()
            self.stdout.write("The log may go on." + (SILENT if verdict.is_silent else ""))

    def _show(self, verdict: recovery.Verdict) -> None:
        held, newest = restore.database([]), Checkpoint.objects.order_by("-size").first()
        self.stdout.write(f"Database: {held.size} sealed records; newest seal {_seal(newest)}.")
        self.stdout.write(f"Witness: {_seal(witness.newest())} ({witness.path()}).")
        for who, signed in restore.remembered():
            if who != restore.OUR_WITNESS:
                self.stdout.write(f"Exported tiles: {_seal(signed)}.")
        self.stdout.write(f"Chain: {verdict.chain.rstrip('.')}.")

    def _elsewhere(self, file: Path) -> str:
        """The reason that a checkpoint from elsewhere gives. It counts only with our signature.

        One that is older than our newest seal fits every later backup: it opens no gate.
        """
        try:
            signed = witness.parse_signed(file.read_text(encoding="utf-8"), timezone.now())
            open_note(signed.note, log_verifiers()(signed.size), verify_ed25519)
        except (OSError, UnicodeDecodeError, Malformed) as error:
            raise CommandError(f"{file} is not a checkpoint that this log signed: {error}", returncode=2) from error
        newest = restore.database([]).newest
        is_older = newest is not None and signed.size < newest[0]
        return restore.compare(str(file), signed) or (restore.gate() if is_older else "")

    def _record_loss(self, words: str) -> None:
        if len(words) > recovery.MAX_WORDS:
            raise CommandError(f"--record-loss takes at most {recovery.MAX_WORDS} characters.", returncode=2)
        with troubles_in_words():
            try:
                made = recovery.record_loss(words, chain=config.chain(), key=config.chain_key())
            except recovery.NothingLost as nothing:
                raise CommandError(str(nothing), returncode=1) from nothing
        self.stdout.write(
            f"The loss is recorded, and the log registered anew under 0x{bytes(made.log_id).hex()}. Sealing goes on."
        )


def _seal(signed: Signed | Checkpoint | None) -> str:
    return f"over {signed.size} records, {signed.at:%-d %B %Y %H:%M:%S} UTC" if signed else "none yet"
