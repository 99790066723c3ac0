"""``deploy_registry``: put the registry contract on the chain and register this log with it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring import config
from anchoring.chain import Chain, NoFunds, address_of
from anchoring.management.on_chain import troubles_in_words
from anchoring.models import Registration
from anchoring.registration import is_registered, register_log
from anchoring.routes import require_network
from anchoring.stages import chain_name, current_registration


class Command(BaseCommand):
    """Run once for each chain; the log's records are anchored there from the start."""

    help = (
        "Deploy the registry contract behind CHAIN_RPC_URL and register the log; CHAIN_KEY pays. Exits 0 when it"
        " is registered (now or before), 3 when the chain cannot be reached, 1 for any other trouble, in one sentence."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether once is enough."""
        parser.add_argument(
            "--anew", action="store_true",
            help="register even where the log is registered, because its key was lost or stolen and another one is in"
            " CHAIN_KEY now. Everything is anchored anew. A key that is still at hand is changed with handover_key",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Register unless that was done."""
        before = current_registration()
        with troubles_in_words():
            chain = config.chain()
            require_network(chain, config.network())
            if is_registered(chain) and not options["anew"]:
                assert before is not None
                self.stdout.write(f"Already registered on {_place(before)}. Nothing was sent.")
                return
            made = _register(chain)
        self.stdout.write(f"Registered on {_place(made)}. trust.json has a new version that says so.")
        if before is not None:
            self.stdout.write(
                f"The registration before it, on {_place(before)}, stays published. All is anchored anew."
            )


def _register(chain: Chain) -> Registration:
    key = config.chain_key()
    try:
        return register_log(chain=chain, key=key)
    except NoFunds as error:
        raise CommandError(
            f"The anchoring key's address 0x{address_of(key).hex()} cannot pay for the contract:"
            " send it some of the network's coin.",
            returncode=1,
        ) from error


def _place(registration: Registration) -> str:
    return (
        f"{chain_name(registration.chain_id)} (chain {registration.chain_id}),"
        f" contract 0x{bytes(registration.contract).hex()}, log 0x{bytes(registration.log_id).hex()}"
    )
