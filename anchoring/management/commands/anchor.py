"""``anchor``: do the next thing for the anchors, once; or now, due or not."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from anchoring import anchors, routes, schedule
from anchoring.management.on_chain import troubles_in_words
from anchoring.seal import sequencer

PAUSE = 2.0


class Command(BaseCommand):
    """What the schedule does, once; it may run beside the schedule."""

    help = (
        "Send the newest due checkpoint to the registry contract, or see what became of the one that was sent. Exits 0"
        " when that was done or nothing is due, 3 when the chain cannot be reached, 1 for any other trouble, each in"
        " one sentence."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How much to do."""
        parser.add_argument("--now", action="store_true", help="seal what waits and anchor it, due or not")
        parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="go on until it is final, so long")
        parser.add_argument(
            "--accept-nonce", action="store_true",
            help="say that transactions of the anchoring key that the log knows nothing of were yours",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask the chain who it is first: a silent one is told apart from a log that has nothing to send."""
        with troubles_in_words():
            route = routes.current()
            with schedule.by_hand(route.step, health=route.chain.health):
                route.chain.identity()
                if options["accept_nonce"]:
                    self.stdout.write(routes.accept_nonce(route))
                if options["now"]:
                    sequencer.close_now()
                self._until_final(route, time.monotonic() + options["wait"])

    def _until_final(self, route: routes.Route, deadline: float) -> None:
        """Tick, see at once what became of what was sent, and go on while time is left; a sentence is said once."""
        said, ticks = "", 0
        while True:
            outcome = anchors.tick(route)
            ticks += 1
            if outcome.sentence != said:
                said = outcome.sentence
                self.stdout.write(said)
            if outcome.word in ("idle", "confirmed"):
                return
            if ticks == 1 and outcome.word == "sent":
                continue
            if time.monotonic() >= deadline:
                self.stdout.write("Run this again later, or leave it to the schedule.")
                return
            time.sleep(min(PAUSE, max(0.0, deadline - time.monotonic())))
