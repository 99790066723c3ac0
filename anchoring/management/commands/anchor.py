"""``anchor``: put the newest due checkpoint on chain, and look whether what was sent before is final."""

from typing import Any

from django.core.management.base import BaseCommand

from anchoring import config, pipeline
from anchoring.management.on_chain import troubles_in_words
from anchoring.models import Anchor
from anchoring.stages import current_registration


class Command(BaseCommand):
    """What the schedule does, once: one ``send``, one ``confirm``. It may run beside the schedule."""

    help = (
        "Send the newest due checkpoint to the registry contract and confirm what is final. Exits 0 when that was done"
        " or nothing is due, 3 when the chain cannot be reached, 1 for any other trouble, each in one sentence."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask the chain who it is first: a silent one is told apart from a log that has nothing to send."""
        with troubles_in_words():
            chain = config.chain()
            chain.identity()
            attempt = pipeline.send(chain=chain, key=config.chain_key())
            if attempt is not None:
                size, transaction = attempt.anchor.checkpoint_id, bytes(attempt.transaction).hex()
                self.stdout.write(f"Sent the checkpoint of size {size} in transaction 0x{transaction}.")
            confirmed = pipeline.confirm(chain=chain)
        self.stdout.write(_outcome(confirmed))


def _outcome(confirmed: int) -> str:
    anchors = Anchor.objects.filter(registration=current_registration()).order_by("checkpoint")
    if anchors.filter(confirmation=None).exists():
        return "An anchor is under way: its block is not final yet. Run this again later, or leave it to the schedule."
    newest = anchors.last()
    size = newest.checkpoint_id if newest else 0
    if confirmed:
        return f"Confirmed: the chain holds the log up to size {size}."
    return f"Nothing to anchor: the chain holds the log up to size {size}."
