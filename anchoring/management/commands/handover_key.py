"""``handover_key``: give the log to another anchoring key, on chain."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring import handover, routes
from anchoring.chain import Wallet
from anchoring.management.on_chain import SILENT, troubles_in_words

PAUSE = 2.0


class Command(BaseCommand):
    """The new key must be at hand, so that a mistyped address cannot lose the log for ever."""

    help = (
        "Hand the log over from CHAIN_KEY to the key in NEXT_CHAIN_KEY, in a transaction of its own, and wait until its"
        " block is final. Run it again to go on. Exits 0 once it is done, 3 when the time is over or nobody answers, 1"
        " for any other trouble, in one sentence."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How long to wait."""
        parser.add_argument("--wait", type=float, default=1800, metavar="SECONDS", help="default 1800")

    def handle(self, *args: Any, **options: Any) -> None:
        """Step until it is done, each new sentence said once."""
        if not settings.NEXT_CHAIN_KEY:
            raise CommandError(
                "Make a key (openssl rand -hex 32), put it into NEXT_CHAIN_KEY beside CHAIN_KEY, send its address some"
                " of the network's coin (manage.py anchor_doctor names it), and run this again."
            )
        successor = Wallet(bytes.fromhex(settings.NEXT_CHAIN_KEY)).address
        with troubles_in_words():
            route = routes.current()
            if route.chain.balance(successor) == 0:
                raise CommandError(
                    f"{routes.hexed(successor)} holds no coin, so that it could not anchor. Send it some first."
                )
            self._until_done(route, successor, time.monotonic() + options["wait"])
        self.stdout.write(
            "Now put the new key into CHAIN_KEY, take NEXT_CHAIN_KEY away, and start worker and beat again."
            " The old key has no power over the log any more."
        )

    def _until_done(self, route: routes.Route, successor: bytes, deadline: float) -> None:
        said = ""
        while True:
            step = handover.step(route, to=successor)
            if step.sentence != said:
                said = step.sentence
                self.stdout.write(said)
            if step.done:
                return
            if time.monotonic() >= deadline:
                raise CommandError("It is under way. Run this again to go on.", returncode=SILENT)
            time.sleep(min(PAUSE, max(0.0, deadline - time.monotonic())))
