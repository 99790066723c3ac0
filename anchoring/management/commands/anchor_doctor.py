"""``anchor_doctor``: what is well and what is not with the anchors, and what to do about it."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring import config, doctor, networks, routes
from anchoring.doctor import Check
from anchoring.management.on_chain import SILENT, missing_tables_in_words
from anchoring.networks import Network
from anchoring.routes import Route


class Command(BaseCommand):
    """Reads and asks only: it may run beside everything else, and from the first `migrate` on."""

    help = (
        "Look at the chain's endpoints, the contract, the key, its coin, fees, nonces, the registry's head, what is"
        " under way and the schedule, one line each, with what to do. Exits 0 when nothing is to be done, 1 when"
        " something is, 3 when nobody answers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """One choice: for people or for programs."""
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look at the chain of CHAIN, and at that of NEXT_CHAIN if one is configured."""
        found: dict[str, list[Check]] = {}
        with missing_tables_in_words():
            for route, network in _routes():
                checks = found.setdefault(network.name, [])
                for check in doctor.examine(route, network):
                    checks.append(check)
                    if not options["json"]:
                        self.stdout.write(_line(network, check))
        if options["json"]:
            self.stdout.write(json.dumps({name: [asdict(check) for check in them] for name, them in found.items()}))
        _judge(found)


def _routes() -> Iterator[tuple[Route, Network]]:
    yield routes.current(), config.network()
    following = routes.following()
    if following is not None:
        yield following, networks.by_name(settings.NEXT_CHAIN)


def _line(network: Network, check: Check) -> str:
    what_to_do = f" What to do: {check.advice}" if check.advice else ""
    return f"{check.verdict:8}{network.name}, {check.name}: {check.sentence}{what_to_do}"


def _judge(found: dict[str, list[Check]]) -> None:
    """Nobody's answer weighs most on the chain that counts."""
    to_do = sum(bool(check.advice) for checks in found.values() for check in checks)
    current = next(iter(found.values()))
    if any(check.verdict == "unknown" for check in current):
        raise CommandError("The chain does not answer.", returncode=SILENT)
    if to_do:
        raise CommandError("One thing to do." if to_do == 1 else f"{to_do} things to do.", returncode=1)
