"""``log_key``: make a log key, look at those in force, and change from one to another."""

import os
import secrets
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring import config, rotation, trust
from anchoring.keys import SEED_SIZE, SigningKey
from anchoring.management.on_chain import troubles_in_words
from anchoring.models import Checkpoint
from anchoring.protocol.note import Verifier
from anchoring.protocol.trust import LogKey, Statement, fingerprint, grouped

CHANGES = {
    "rotate": (
        rotation.rotate,
        "let the key in NEXT_LOG_KEY sign beside the present one",
        "From now on every seal carries both signatures. Start every process anew with both keys, give trust.json and"
        " its fingerprint some days to reach those who check, then run: manage.py log_key finish",
    ),
    "finish": (
        rotation.finish,
        "end the overlap: the new key signs alone",
        "Now move the key from NEXT_LOG_KEY into LOG_KEY in every process. Keep the old one locked away, or destroy it:"
        " it signs nothing any more.",
    ),
    "abandon": (
        rotation.abandon,
        "end the overlap the other way: the new key was lost or stolen",
        "The present key signs alone again. Take NEXT_LOG_KEY away in every process.",
    ),
    "revoke": (
        rotation.revoke,
        "put the key in NEXT_LOG_KEY in the present one's place at once: that was stolen",
        "Now move the key from NEXT_LOG_KEY into LOG_KEY in every process, anchor at once (manage.py anchor --now) and"
        " tell everybody who checks the fingerprint above.",
    ),
}


class Command(BaseCommand):
    """docs/operations/keys.md says in which order; what comes in a wrong one is refused with what to do."""

    help = (
        "generate: make a log key. show: the keys that verifiers accept, for which sizes of the log, and which sign"
        " now. rotate, finish, abandon, revoke: change the key. Exits 0; 1 when it cannot be done now, in one sentence."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """One word, and for a new key its file."""
        steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
        generate = steps.add_parser("generate", help="make a key and change nothing else")
        generate.add_argument("--out", metavar="FILE", type=Path, help="a new file, for its owner alone; else printed")
        steps.add_parser("show", help="what verifiers accept, and what signs now")
        for word, (_, what, _) in CHANGES.items():
            steps.add_parser(word, help=what)

    def handle(self, *args: Any, **options: Any) -> None:
        """Each word its own function."""
        if options["step"] == "generate":
            self._generate(options["out"])
        elif options["step"] == "show":
            self._show(trust.current())
        else:
            self._change(options["step"])

    def _generate(self, file: Path | None) -> None:
        seed = secrets.token_bytes(SEED_SIZE)
        verifier = SigningKey(name=config.origin(), seed=seed).verifier
        if file is None:
            self.stdout.write(seed.hex())
            self.stderr.write(f"Verifier key: {verifier}")
            return
        try:
            _write(file, seed.hex())
        except OSError as error:
            raise CommandError(f"{file} cannot be made: {error.strerror}. Nothing was overwritten.") from error
        self.stdout.write(f"Wrote {file}, readable by its owner alone. Copy it to a second safe place.")
        self.stdout.write(f"Verifier key: {verifier}")

    def _change(self, step: str) -> None:
        change, _, then = CHANGES[step]
        with troubles_in_words():
            try:
                made = change()
            except rotation.NotNow as refusal:
                raise CommandError(str(refusal), returncode=1) from refusal
        self._show(made)
        self.stdout.write(f"\n{then}")

    def _show(self, statement: Statement) -> None:
        size = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0
        self.stdout.write(
            f"trust.json version {statement.version}, fingerprint {grouped(fingerprint(statement))}\n"
            f"The newest seal is over {size:,} records.\n\nThe log's keys:"
        )
        for key in statement.log_keys:
            self.stdout.write(f"  {key.verifier}")
            self.stdout.write(f"    good for seals over {_range(key)} records; {_place(key.verifier)}")
        try:
            signing = " and ".join(trust.short(key.verifier) for key in trust.signers(size + 1))
            self.stdout.write(f"The next seal is signed by {signing}.")
        except trust.KeyNotAtHand as missing:
            self.stdout.write(f"The next seal cannot be signed here: {missing}")
        signer = trust.short(statement.log_keys[0].verifier)
        self.stdout.write(f"The next version of trust.json is signed by {signer}.\n\nReceipt keys:")
        for verifier in statement.receipt_keys:
            self.stdout.write(f"  {verifier}")


def _range(key: LogKey) -> str:
    return f"{key.start:,} or more" if key.end is None else f"{key.start:,} to {key.end - 1:,}"


def _place(verifier: Verifier) -> str:
    """Which setting of this process holds the key."""
    following = config.next_log_key()
    if verifier == config.log_key().verifier:
        return "in LOG_KEY"
    return "in NEXT_LOG_KEY" if following is not None and verifier == following.verifier else "not at hand here"


def _write(file: Path, text: str) -> None:
    """A new file with the text, durably. Raises OSError if there is one already."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(f"{text}\n")
        stream.flush()
        os.fsync(stream.fileno())
