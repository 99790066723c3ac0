"""``sequence``: seal what was recorded."""

from typing import Any

from django.core.management.base import BaseCommand

from anchoring.management.on_chain import troubles_in_words
from anchoring.models import Checkpoint
from anchoring.seal import sequencer


class Command(BaseCommand):
    """What the schedule does every few seconds, once; it may run beside the schedule."""

    help = "Give every waiting entry its place in the log and sign the new head. Exits 0; 1 with what is amiss."

    def handle(self, *args: Any, **options: Any) -> None:
        """Sequence, sign, say how far the log is."""
        with troubles_in_words():
            count = sequencer.sequence()
        newest = Checkpoint.objects.order_by("-size").first()
        size = newest.size if newest else 0
        self.stdout.write(f"Sealed {count} {'entry' if count == 1 else 'entries'}; the log's signed size is {size}.")
