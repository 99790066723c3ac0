"""A chain that the log is anchored on: how it is reached, who pays there, and what must be so before anything is sent.

What is not so raises ``Halted`` with what a person can do about it, or ``ChainUnavailable`` where waiting helps.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from anchoring import config, networks, registry
from anchoring.chain import ChainIdentity, ChainUnavailable, Fees, Wallet
from anchoring.endpoints import Endpoints
from anchoring.fees import FeeTooHigh, dearer_offer, first_offer
from anchoring.models import Handover, Registration, Sender
from anchoring.networks import GWEI, Network
from anchoring.schedule import Halted
from anchoring.stages import confirmations


@dataclass(frozen=True)
class Route:
    """A chain that the log is, or is to be, anchored on; a chain of one's own may have one of several ids.

    ``finality`` is how many blocks bury a final one, or None where the chain says itself what is final. ``least_tip``
    and ``most_fee`` are wei a unit of gas. ``step`` is the name under which the schedule notes how it went.
    """

    chain_ids: tuple[int, ...]
    chain: Endpoints
    wallet: Wallet
    finality: int | None = None
    least_tip: int = 0
    most_fee: int = 500 * GWEI
    step: str = "anchor"

    def first_offer(self) -> Fees:
        """What to offer for a transaction of ours. Raises Halted above the cap."""
        try:
            return first_offer(self.chain.fees(), least_tip=self.least_tip, most=self.most_fee)
        except FeeTooHigh as dear:
            raise Halted(f"{self._too_dear(dear)} Nothing is signed until it asks for less.") from None

    def dearer_offer(self, last: Fees) -> Fees:
        """What to offer in its place. Raises Halted above the cap."""
        try:
            return dearer_offer(last, self.chain.fees(), least_tip=self.least_tip, most=self.most_fee)
        except FeeTooHigh as dear:
            raise Halted(f"{self._too_dear(dear)} What is signed is sent again as it is.") from None

    def _too_dear(self, dear: FeeTooHigh) -> str:
        return (
            f"The network asks for {dear.asked / GWEI:.3g} gwei a unit of gas, more than CHAIN_MAX_FEE_GWEI allows"
            f" ({self.most_fee / GWEI:.3g}). Wait until it is cheaper, or allow more."
        )


def current() -> Route:
    """The chain that CHAIN names."""
    most = settings.CHAIN_MAX_FEE_GWEI * GWEI
    return _route(config.network(), config.chain(), settings.CHAIN_KEY, most=most, step="anchor")


def following() -> Route | None:
    """The chain that NEXT_CHAIN names, if one is configured."""
    if not settings.NEXT_CHAIN:
        return None
    network, key = networks.by_name(settings.NEXT_CHAIN), settings.NEXT_CHAIN_KEY or settings.CHAIN_KEY
    return _route(network, config.next_chain(), key, most=network.largest_fee, step="anchor next")


def registered() -> list[Route]:
    """The chains that anchors go to: the current one, and during a migration the following one beside it."""
    follower = following()
    moving = follower is not None and latest_registration(follower) is not None
    return [current(), follower] if follower and moving else [current()]


def _route(network: Network, chain: Endpoints, key: str, *, most: int, step: str) -> Route:
    return Route(
        chain_ids=(network.chain_id, *network.other_ids), chain=chain, wallet=Wallet(bytes.fromhex(key)),
        finality=None if network.finality == "finalized" else network.finality, least_tip=network.smallest_tip,
        most_fee=most, step=step,
    )  # fmt: skip


def latest_registration(route: Route) -> Registration | None:
    """The log's newest registration there."""
    return Registration.objects.filter(chain_id__in=route.chain_ids).order_by("-pk").first()


def require_network(chain: Endpoints, network: Network) -> None:
    """Raise Halted unless the endpoint leads to the chain of that name, by id and by first block."""
    identity = chain.identity()
    ended = networks.shipped().dead_sentence(identity.chain_id)
    if ended:
        raise Halted(f"The endpoint leads to a chain that has ended. {ended}")
    if not network.has_chain_id(identity.chain_id):
        there = networks.shipped().title(identity.chain_id)
        raise Halted(
            f"The endpoint leads to {there} (chain {identity.chain_id}), not to {network.title}"
            f" (chain {network.chain_id}). Correct the URL, or name the other chain."
        )
    if network.genesis is not None and identity.genesis != network.genesis:
        raise Halted(
            f"The endpoint says that it is {network.title}, but its first block is another one. Do not trust it: take"
            " another endpoint."
        )


def elsewhere(what: str, found: ChainIdentity, registration: Registration) -> str:
    """How the chain that ``what`` leads to is not the one that the log is registered on, or ""."""
    leads = f"{what} leads to chain {found.chain_id}"
    if found.chain_id != registration.chain_id:
        return f"{leads}, but the log is registered on chain {registration.chain_id}"
    if found.genesis != bytes(registration.genesis):
        return (
            f"{leads}, the same number as that of the chain that the log is registered on, but another chain: it was"
            " started anew, or is a copy with another first block"
        )
    return ""


def require_same_chain(route: Route, registration: Registration) -> None:
    """Raise Halted unless the endpoint leads to the chain that the log is registered on, with our contract on it."""
    identity = route.chain.identity()
    if other := elsewhere("CHAIN_RPC_URL", identity, registration):
        raise Halted(f"{other}. Correct the URL, or run: manage.py deploy_registry")
    if route.chain.code_hash(bytes(registration.contract)) != bytes(registration.code_hash):
        raise Halted("The code at the registered contract's address is not the registry. Nothing is sent to it.")


# Whose hand the log is in --------------------------------------------------------------------------------------------


def controllers(registration: Registration) -> list[bytes]:
    """The address of every key that this log was ever meant to be in the hand of, newest first."""
    later = Handover.objects.filter(registration=registration).order_by("-pk").values_list("controller", flat=True)
    return [*map(bytes, later), bytes(registration.controller)]


def hands(route: Route, registration: Registration, size: int, root: bytes) -> dict[bytes, bytes]:
    """What the registry may hold for that size and root → the controller's address that it then says."""
    known = [*controllers(registration), route.wallet.address]
    return {registry.head_word(controller=hand, size=size, root=root): hand for hand in known}


def head(route: Route, registration: Registration) -> bytes:
    """The registry's word for this log, now."""
    return route.chain.head(bytes(registration.contract), bytes(registration.log_id))


def require_our_head(
    route: Route, registration: Registration, *, word: bytes, size: int, root: bytes, otherwise: str
) -> None:
    """Raise Halted unless the registry's word says that size and root, in the hand of our wallet."""
    hand, ours = hands(route, registration, size, root).get(word), route.wallet.address
    if hand is None:
        raise Halted(
            f"{otherwise} Another process may anchor with the same key, or the database was restored from a backup."
            " Run: manage.py fsck"
        )
    if hand != ours:
        raise Halted(
            f"The log is in the hand of {hexed(hand)}, but CHAIN_KEY is the key of {hexed(ours)}."
            f" Put the key of {hexed(hand)} into CHAIN_KEY."
        )


# Nonces --------------------------------------------------------------------------------------------------------------


def next_nonce(route: Route, registration: Registration) -> int:
    """The chain's count for our key. Raises Halted if it ran ahead of ours, ChainUnavailable if the endpoint lags."""
    address = route.wallet.address
    nonce = route.chain.nonce(address)
    known = Sender.objects.filter(genesis=registration.genesis, address=address).order_by("pk").first()
    if known is not None and nonce > known.next_nonce:
        raise Halted(stranger(address, known.next_nonce))
    if known is not None and nonce < known.next_nonce:
        refuse_lag(registration, address, nonce)
    return nonce


def refuse_lag(registration: Registration, address: bytes, nonce: int) -> None:
    """Raise ChainUnavailable if a chain that confirmed a transaction of ours counts fewer of them."""
    last = (
        confirmations().filter(anchor__registration=registration, attempt__sender=address)
        .order_by("-attempt__nonce").values_list("attempt__nonce", flat=True).first()
    )  # fmt: skip
    if last is not None and nonce <= last:
        raise ChainUnavailable(
            f"The endpoint lags: it counts {transactions(nonce)} of our key, and nonce {last} is confirmed."
        )


def transactions(count: int) -> str:
    """So many, in words."""
    return "1 transaction" if count == 1 else f"{count} transactions"


def reserve(genesis: bytes, address: bytes, nonce: int) -> None:
    """Lock the key's row on this chain and note that the nonce is ours, in the caller's transaction."""
    Sender.objects.get_or_create(genesis=genesis, address=address, defaults={"next_nonce": nonce})
    row = Sender.objects.select_for_update().get(genesis=genesis, address=address)
    Sender.objects.filter(pk=row.pk).update(next_nonce=max(row.next_nonce, nonce + 1))


def stranger(address: bytes, nonce: int) -> str:
    """The words for a transaction from our key that is not ours."""
    return (
        f"Nonce {nonce} of our key {hexed(address)} was used by a transaction that is not ours: the key is shared or"
        " stolen. Nothing is sent. If it was you, run: manage.py anchor --accept-nonce. If not, hand the log over"
        " to a new key at once: manage.py handover_key"
    )


def accept_nonce(route: Route) -> str:
    """Take it from a person that what our key sent without us was theirs; what was done, in a sentence."""
    registration = latest_registration(route)
    if registration is None:
        raise Halted("The log is not registered on a chain yet: there is no nonce to accept.")
    require_same_chain(route, registration)
    address = route.wallet.address
    nonce = route.chain.nonce(address)
    refuse_lag(registration, address, nonce)
    Sender.objects.update_or_create(
        genesis=bytes(registration.genesis), address=address, defaults={"next_nonce": nonce, "accepted": nonce}
    )
    return f"Accepted: the next transaction of {hexed(address)} has nonce {nonce}."


# Funds ---------------------------------------------------------------------------------------------------------------


def require_funds(route: Route, registration: Registration, cost: int, now: datetime) -> None:
    """Raise Halted unless our key holds ``cost`` wei."""
    address = route.wallet.address
    balance = look_at_funds(route, registration, cost, now)
    if balance < cost:
        raise Halted(
            f"The anchoring key {hexed(address)} holds {balance} wei, less than one anchor may cost ({cost} wei)."
            " Send it some of the network's coin."
        )


def look_at_funds(route: Route, registration: Registration, cost: int, now: datetime) -> int:
    """Our key's balance in wei, noted for the status page beside what one anchor may cost."""
    balance = route.chain.balance(route.wallet.address)
    Sender.objects.filter(genesis=bytes(registration.genesis), address=route.wallet.address).update(
        balance_gwei=balance // GWEI, anchor_gwei=-(-cost // GWEI), looked_at=now
    )
    return balance


def hexed(value: bytes | memoryview) -> str:
    """0x and the bytes in hex."""
    return "0x" + bytes(value).hex()
