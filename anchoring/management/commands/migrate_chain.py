"""``migrate_chain``: go over to another chain, with both of them anchored on for a while."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring import config, routes
from anchoring.export import subjects
from anchoring.management.commands.export_proofs import write_all
from anchoring.management.on_chain import troubles_in_words
from anchoring.registration import register_log
from anchoring.stages import chain_name, current_registration
from anchoring.status import log_status


class Command(BaseCommand):
    """The old chain's proofs are brought into safety before anything else."""

    help = (
        "Export every proof of the chain that the log is anchored on into FOLDER, then register the log on the chain"
        " that NEXT_CHAIN names. From then on both are anchored on, until the old one is taken out of the settings."
        " Run it again to go on where it stopped. Exits 0; 3 when nobody answers; 1 for any other trouble."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the proofs go, and whether to leave without some."""
        parser.add_argument("--export", required=True, metavar="FOLDER", type=Path, help="where the proofs are kept")
        parser.add_argument(
            "--leave-behind", action="store_true",
            help="go on although some records are not anchored on the old chain (because it has stopped, say)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Export, register, say what comes next."""
        follower, before = routes.following(), current_registration()
        if follower is None:
            raise CommandError(
                "Set NEXT_CHAIN, NEXT_CHAIN_RPC_URL and, if another key is to pay there, NEXT_CHAIN_KEY. Then run this"
                " again."
            )
        if before is None:
            raise CommandError("The log is not registered anywhere yet. Set CHAIN and run: manage.py deploy_registry")
        with troubles_in_words():
            registration = routes.latest_registration(follower)
            if registration is not None and registration.pk >= before.pk:
                self.stdout.write(f"The log is registered on {chain_name(follower.chain_ids[0])} already.")
                return self._say_what_next()
            routes.require_network(follower.chain, config.next_network())
            self._export(options["export"], leave_behind=options["leave_behind"])
            made = register_log(chain=follower.chain, key=config.next_chain_key(), follows=before)
        self.stdout.write(
            f"Registered on {chain_name(made.chain_id)}, contract {routes.hexed(made.contract)}, log"
            f" {routes.hexed(made.log_id)}. trust.json has a new version that says so."
        )
        return self._say_what_next()

    def _export(self, folder: Path, *, leave_behind: bool) -> None:
        waiting = log_status().not_anchored
        if waiting and not leave_behind:
            raise CommandError(
                f"{waiting:,} leaves of the log are not anchored on the old chain yet. Run: manage.py anchor --now"
                " --wait 1800. If the old chain has stopped, run this with --leave-behind."
            )
        wanted = subjects()
        written, unanchored = write_all(folder, wanted)
        self.stdout.write(f"{len(wanted):,} proofs are in {folder}, {written:,} of them written now. Keep them.")
        if unanchored and not leave_behind:
            raise CommandError(f"{unanchored:,} of them are not anchored yet. Run this again once they are.")

    def _say_what_next(self) -> None:
        self.stdout.write(
            "Start worker and beat again with these settings: anchors go to both chains, and the old one counts until"
            " the new one holds its first final anchor. After some days of both, move the NEXT_CHAIN… settings to"
            " CHAIN… and take the old ones away. Proofs made on the old chain stay good."
        )
