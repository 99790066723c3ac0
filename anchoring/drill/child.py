"""Processes of their own that do the schedule's next thing: two at once, or one that is killed at an exact point.

The points are made from outside: a wallet, or an endpoint, that ends the process as a power cut does.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import NoReturn

from django.conf import settings

from anchoring import anchors
from anchoring.chain import Block, BlockAt, Call, ChainError, EthereumChain, Fees, SignedTransaction, TxReceipt, Wallet
from anchoring.drill.node import CHAIN_ID
from anchoring.drill.world import World, expect
from anchoring.endpoints import Endpoints
from anchoring.routes import Route
from anchoring.schedule import Halted

MEET_SECONDS = 20
CHILD_SECONDS = 60

_fork_server = multiprocessing.get_context("forkserver")
_fork_server.set_forkserver_preload(["anchoring.drill.preload"])


@dataclass(frozen=True)
class Place:
    """What a child is told: where the endpoints are, the key, and how long an anchor waits for a block."""

    urls: tuple[str, ...]
    key: bytes
    patience: int


# --- Killed at a point -----------------------------------------------------------------------------------------------


def die() -> NoReturn:
    """As a power cut: no handler, no rollback, no goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable: this process is dead")


class KilledAfterSigning(Wallet):
    """The signature is made and not committed."""

    def sign(self, call: Call, *, nonce: int, fees: Fees, gas: int, chain_id: int) -> SignedTransaction:
        """Sign in vain."""
        super().sign(call, nonce=nonce, fees=fees, gas=gas, chain_id=chain_id)
        die()


class KilledBeforeSending(EthereumChain):
    """What was signed is committed, and no node knows of it."""

    def send(self, raw: bytes) -> None:
        """Send nothing."""
        die()


class KilledAfterSending(EthereumChain):
    """The node has it, and nobody noted that."""

    def send(self, raw: bytes) -> None:
        """Send; the end comes before the answer is looked at."""
        with suppress(ChainError):
            super().send(raw)
        die()


class KilledOnceMined(EthereumChain):
    """The first receipt was seen, and not noted."""

    def receipt(self, transaction: bytes) -> TxReceipt | None:
        """The end comes with the first one that exists."""
        found = super().receipt(transaction)
        if found is not None:
            die()
        return found


class KilledWhileConfirming(EthereumChain):
    """All was looked at that makes an anchor count, and the confirmation is not stored."""

    _seen = _checked = False

    def receipt(self, transaction: bytes) -> TxReceipt | None:
        """The first look-up."""
        found = super().receipt(transaction)
        self._seen = self._seen or found is not None
        return found

    def code_hash(self, contract: bytes) -> bytes:
        """The last but one."""
        self._checked = self._seen
        return super().code_hash(contract)

    def block(self, at: BlockAt) -> Block | None:
        """The last: the block's time."""
        found = super().block(at)
        if self._checked:
            die()
        return found


# --- Two that meet at a point ----------------------------------------------------------------------------------------


class _Meeting(EthereumChain):
    """Waits, once, until the other process has come as far."""

    barrier: Barrier | None = None

    def meet(self) -> None:
        """Go on together."""
        barrier, self.barrier = self.barrier, None
        if barrier is not None:
            barrier.wait(MEET_SECONDS)


class MeetBeforeSigning(_Meeting):
    """Both have looked at everything, and the funds last: both are about to sign."""

    def balance(self, address: bytes) -> int:
        """Look, and wait."""
        answer = super().balance(address)
        self.meet()
        return answer


class MeetBeforeBumping(_Meeting):
    """Both know what to offer in place of the same attempt."""

    def fees(self) -> Fees:
        """Look, and wait."""
        answer = super().fees()
        self.meet()
        return answer


class MeetBeforeConfirming(_Meeting):
    """Both have seen the receipt in a final block."""

    def code_hash(self, contract: bytes) -> bytes:
        """Look, and wait."""
        answer = super().code_hash(contract)
        self.meet()
        return answer


# --- Running them ----------------------------------------------------------------------------------------------------


def killed(world: World, *, endpoint: type[EthereumChain] = EthereumChain, wallet: type[Wallet] = Wallet) -> None:
    """A tick in a process that is killed on the way; Failed if it came to its end."""
    child = _fork_server.Process(target=_tick, args=(_place(world), endpoint, wallet, None))
    child.start()
    world.tell("killed")
    expect("how the killed process ended", _end_of(child), -signal.SIGKILL)


def two_at_once(world: World, meeting: type[_Meeting]) -> None:
    """Two processes tick at the same moment; both come to their end."""
    barrier = _fork_server.Barrier(2)
    children = [_fork_server.Process(target=_tick, args=(_place(world), meeting, Wallet, barrier)) for _ in range(2)]
    for child in children:
        child.start()
    world.tell("two at once")
    expect("how the two processes ended", [_end_of(child) for child in children], [0, 0])


def _place(world: World) -> Place:
    return Place(tuple(proxy.url for proxy in world.endpoints), world.key, settings.FEE_BUMP_AFTER_SECONDS)


def _end_of(child: multiprocessing.context.ForkServerProcess) -> int | None:
    child.join(CHILD_SECONDS)
    if child.exitcode is None:
        child.kill()
        child.join()
    return child.exitcode


def _tick(
    place: Place, endpoint: Callable[[str], EthereumChain], wallet: type[Wallet], barrier: Barrier | None
) -> None:
    """One tick; what the chain does not answer is not this process's fault."""
    settings.FEE_BUMP_AFTER_SECONDS = place.patience
    chains = [endpoint(url) for url in place.urls]
    for chain in chains:
        if isinstance(chain, _Meeting):
            chain.barrier = barrier
    with suppress(ChainError, Halted):
        anchors.tick(Route((CHAIN_ID,), Endpoints(chains), wallet(place.key)))
