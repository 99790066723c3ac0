"""Our rows against the chain itself."""

from dataclasses import dataclass
from datetime import UTC, datetime

from anchoring import config, covered, registry
from anchoring.chain import Chain, ChainError
from anchoring.fsck.finding import Finding, Findings
from anchoring.models import Registration
from anchoring.routes import controllers, elsewhere
from anchoring.stages import confirmations, current_registration


class HeadUnknown(Finding):
    """The chain holds a head of this log that our rows do not know."""


class NotChecked(Exception):
    """The chain that can be reached has nothing to say about this log; the text says why."""


@dataclass(frozen=True)
class ChainVerdict:
    """What the chain says of our rows: nothing amiss, findings, or why it could not be asked."""

    findings: list[Finding]
    not_checked: str = ""

    def __str__(self) -> str:
        if self.not_checked:
            return f"chain not checked: {self.not_checked}"
        return "chain checked: it differs" if self.findings else "chain checked: it holds what our rows say"


def ask_chain() -> ChainVerdict:
    """Compare with the chain behind CHAIN_RPC_URL; a silent one is no error."""
    try:
        return ChainVerdict(list(check_chain(chain=config.chain())))
    except (NotChecked, ChainError) as reason:
        return ChainVerdict([], str(reason).rstrip("."))


def check_chain(*, chain: Chain) -> Findings:
    """Our rows against the registry that the log is registered with now.

    The chain is asked first and the rows are read afterwards: what is on chain was committed here before it was sent.
    Raises NotChecked, and ChainError when nobody answers.
    """
    registration = current_registration()
    if registration is None:
        raise NotChecked("the log is not registered on a chain yet")
    if other := elsewhere("CHAIN_RPC_URL", chain.identity(), registration):
        raise NotChecked(other)
    contract = bytes(registration.contract)
    if chain.code_hash(contract) != bytes(registration.code_hash):
        yield Finding("chain", f"the code at 0x{contract.hex()} is not the registry")
        return
    yield from _check_head(chain.head(contract, bytes(registration.log_id)), registration)
    yield from _check_block(chain, registration)


def _check_head(word: bytes, registration: Registration) -> Findings:
    """The word must be of the newest confirmed size, or of an anchor that is under way, in a hand that we know."""
    places = covered.places(registration)
    known = {
        registry.head_word(controller=hand, size=size, root=root)
        for hand in controllers(registration) for size, root in places
    }  # fmt: skip
    if word not in known:
        yield HeadUnknown("chain", f"the registry's head is not that of size {places[-1][0]}, which our rows say it is")


def _check_block(chain: Chain, registration: Registration) -> Findings:
    """The newest confirmation names a block that is in the chain, with our transaction in it."""
    newest = (
        confirmations().filter(anchor__registration=registration)
        .select_related("attempt").order_by("-anchor__checkpoint").first()
    )  # fmt: skip
    if newest is None:
        return
    block = chain.block(newest.block_number)
    where = f"confirmation {newest.pk}"
    if block is None or block.hash != bytes(newest.block_hash):
        yield Finding(f"{where}, columns block_number and block_hash", "name a block that is not in the chain")
        return
    if newest.block_at != datetime.fromtimestamp(block.timestamp, UTC):
        yield Finding(f"{where}, column block_at", "is not the block's time")
    receipt = chain.receipt(bytes(newest.attempt.transaction))
    if receipt is None:  # proves nothing: the node may have dropped it
        return
    if receipt.block_hash != block.hash:
        yield Finding(where, "its transaction stands in another block")
    if newest.gas_used is not None and (newest.gas_used, newest.gas_price) != (receipt.gas_used, receipt.gas_price):
        yield Finding(f"{where}, columns gas_used and gas_price", "are not what the transaction cost")
