"""The key that pays: its address, its coin in anchors left, what the network asks, and its nonces."""

from collections.abc import Iterator

from django.conf import settings

from anchoring.amounts import in_coin, in_gwei
from anchoring.chain import ChainUnavailable, Fees, Wallet
from anchoring.doctor.check import Check, Setting
from anchoring.fees import FeeTooHigh, first_offer
from anchoring.models import Attempt, Handover, Registration, Sender
from anchoring.networks import Network
from anchoring.routes import Route, hexed, refuse_lag, transactions

TYPICAL_GAS = 80_000
"""The limit that an anchor's transaction has in a log of millions of records; for a log that has sent none yet."""

SETUP_GAS = 700_000
"""The limits of deploying the contract and registering, together."""

FEW = 50
"""So few anchors left are few."""


def key(route: Route, setting: Setting) -> Iterator[Check]:
    """Who pays."""
    yield Check("key", "ok", f"Anchors are paid for by {hexed(route.wallet.address)}, the address of {setting.key}.")


def fee(route: Route, setting: Setting) -> Iterator[Check]:
    """What the network asks now against what we would pay at most."""
    most, (offer, asked) = route.most_fee, _offer(route)
    said = f"The network asks for {in_gwei(asked)} gwei a unit of gas; {setting.fee} allows {in_gwei(most)}."
    if offer is None:
        yield Check(
            "fee", "fault", f"{said} Nothing is sent at that price.",
            f"Wait until it is cheaper: what is recorded is sealed meanwhile. Or allow more: {setting.fee}.",
        )  # fmt: skip
    elif asked * 5 >= most * 4:
        yield Check("fee", "warning", f"{said} That is close.", f"See whether {setting.fee} should allow more.")
    else:
        yield Check("fee", "ok", said)


def balance(route: Route, network: Network, registration: Registration | None) -> Iterator[Check]:
    """Our coin in anchors; before the log is registered, whether it pays for that."""
    address, coin = route.wallet.address, network.currency
    held, setup = route.chain.balance(address), SETUP_GAS * _cap(route)
    if registration is None and held < setup:
        yield Check(
            "balance", "fault",
            f"{hexed(address)} holds {in_coin(held)} {coin}; contract and registration may cost {in_coin(setup)}"
            f" {coin}.",
            f"Send it some {coin}.",
        )  # fmt: skip
    else:
        yield _coin("balance", route, network, registration, address, f"Send it some {coin}.")


def next_key(route: Route, network: Network, registration: Registration) -> Iterator[Check]:
    """Whom the log can be handed over to, if a key is configured for that, and its coin."""
    if not settings.NEXT_CHAIN_KEY or settings.NEXT_CHAIN:
        return  # beside NEXT_CHAIN it is the key that pays there
    address = Wallet(bytes.fromhex(settings.NEXT_CHAIN_KEY)).address
    if address == route.wallet.address:
        yield Check("next key", "warning", "NEXT_CHAIN_KEY is the same key as CHAIN_KEY.", "Take NEXT_CHAIN_KEY away.")
        return
    yield Check("next key", "ok", f"The log can be handed over to {hexed(address)}, the address of NEXT_CHAIN_KEY.")
    send = f"Send some {network.currency} to {hexed(address)} before you run: manage.py handover_key"
    yield _coin("next key's balance", route, network, registration, address, send)


def _coin(
    name: str, route: Route, network: Network, registration: Registration | None, address: bytes, few: str
) -> Check:
    """An address's coin in anchors: balance ÷ (gas x what we would offer at most for it today)."""
    held, each, coin = route.chain.balance(address), _gas(registration) * _cap(route), network.currency
    left = held // each
    said = (
        f"{hexed(address)} holds {in_coin(held)} {coin}: {left:,} {'anchor' if left == 1 else 'anchors'} at what one"
        f" may cost now ({in_coin(each)} {coin})."
    )
    return Check(name, "ok", said) if left >= FEW else Check(name, "warning" if left else "fault", said, few)


def nonce(route: Route, registration: Registration, setting: Setting, *, explained: bool) -> Iterator[Check]:
    """How many transactions of our key the chain counts, against how many are ours.

    ``explained``: the registry's head shows already that this database does not know all that was anchored.
    """
    address, count = route.wallet.address, route.chain.nonce(route.wallet.address)
    sender = Sender.objects.filter(genesis=registration.genesis, address=address).order_by("pk").first()
    if sender is None:
        yield Check("nonce", "ok", f"The first anchor of this key gets nonce {count}.")
    elif count > sender.next_nonce and explained:
        yield Check(
            "nonce", "warning",
            f"The chain counts {transactions(count)} of our key, {count - sender.next_nonce} more than this database"
            " knows of. The line on the registry's head explains it: settle that first.",
        )  # fmt: skip
    elif count > sender.next_nonce:
        yield Check(
            "nonce", "fault",
            f"The chain counts {transactions(count)} of our key, {count - sender.next_nonce} more than we know of:"
            f" somebody else sent one with nonce {sender.next_nonce}. The key is shared or stolen.",
            "If it was you, run: manage.py anchor --accept-nonce. If not, hand the log over to a new key at once:"
            " manage.py handover_key",
        )  # fmt: skip
    else:
        yield _not_ahead(registration, address, count, sender.next_nonce, setting)


def _not_ahead(registration: Registration, address: bytes, count: int, ours: int, setting: Setting) -> Check:
    try:
        refuse_lag(registration, address, count)
    except ChainUnavailable as lag:
        return Check(
            "nonce", "fault", str(lag),
            f"Run this again in some minutes; if it stays so, put another endpoint into {setting.urls[0]}.",
        )  # fmt: skip
    if count == ours:
        return Check("nonce", "ok", f"The chain counts {transactions(count)} of our key, and we know of each.")
    here = {"sender": address, "nonce": count}
    signed = Attempt.objects.filter(anchor__registration=registration, **here).exists()
    if signed or Handover.objects.filter(registration=registration, **here).exists():
        return Check("nonce", "ok", f"The chain counts {transactions(count)} of our key; nonce {count} is under way.")
    return Check(
        "nonce", "warning",
        f"Nonce {count} was set aside and nothing is signed for it. The next transaction takes it by itself.",
    )  # fmt: skip


def _offer(route: Route) -> tuple[Fees | None, int]:
    """What we would offer now, None if that is above the limit; and what it takes to be in the next block."""
    fair = route.chain.fees()
    try:
        offer = first_offer(fair, least_tip=route.least_tip, most=route.most_fee)
    except FeeTooHigh as dear:
        return None, dear.asked
    return offer, max(fair.tip, route.least_tip) + (fair.cap - fair.tip) // 2


def _cap(route: Route) -> int:
    """What we would offer at most for a unit of gas today."""
    offer, _ = _offer(route)
    return route.most_fee if offer is None else offer.cap


def _gas(registration: Registration | None) -> int:
    newest = Attempt.objects.filter(anchor__registration=registration).order_by("-pk").first()
    return TYPICAL_GAS if newest is None else newest.gas
