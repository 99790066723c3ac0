"""The key that pays: its address, its coin in anchors left, what the network asks, and its nonces."""

from collections.abc import Iterator

from anchoring.amounts import in_coin, in_gwei
from anchoring.chain import ChainUnavailable, Fees
from anchoring.doctor.check import Check, Setting
from anchoring.fees import FeeTooHigh, first_offer
from anchoring.models import Attempt, Handover, Registration, Sender
from anchoring.networks import Network
from anchoring.routes import Route, hexed, refuse_lag

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
    """Our coin in anchors: balance ÷ (gas x what we would offer at most for it today)."""
    address, coin = hexed(route.wallet.address), network.currency
    held, (offer, _) = route.chain.balance(route.wallet.address), _offer(route)
    cap = route.most_fee if offer is None else offer.cap
    gas = _gas(registration)
    if registration is None and held < SETUP_GAS * cap:
        yield Check(
            "balance", "fault",
            f"{address} holds {in_coin(held)} {coin}; contract and registration may cost {in_coin(SETUP_GAS * cap)}"
            f" {coin}.",
            f"Send it some {coin}.",
        )  # fmt: skip
        return
    left = held // (gas * cap)
    said = (
        f"{address} holds {in_coin(held)} {coin}: {left:,} {'anchor' if left == 1 else 'anchors'} at what one may"
        f" cost now ({in_coin(gas * cap)} {coin})."
    )
    if left >= FEW:
        yield Check("balance", "ok", said)
    else:
        yield Check("balance", "warning" if left else "fault", said, f"Send it some {coin}.")


def nonce(route: Route, registration: Registration, setting: Setting) -> Iterator[Check]:
    """How many transactions of our key the chain counts, against how many are ours."""
    address, count = route.wallet.address, route.chain.nonce(route.wallet.address)
    sender = Sender.objects.filter(genesis=registration.genesis, address=address).order_by("pk").first()
    if sender is None:
        yield Check("nonce", "ok", f"The first anchor of this key gets nonce {count}.")
    elif count > sender.next_nonce:
        yield Check(
            "nonce", "fault",
            f"The chain counts {count} transactions of our key, {count - sender.next_nonce} more than we know of:"
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
        return Check("nonce", "ok", f"The chain counts {count} transactions of our key, and all of them are known.")
    here = {"sender": address, "nonce": count}
    signed = Attempt.objects.filter(anchor__registration=registration, **here).exists()
    if signed or Handover.objects.filter(registration=registration, **here).exists():
        return Check("nonce", "ok", f"The chain counts {count} transactions of our key; nonce {count} is under way.")
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


def _gas(registration: Registration | None) -> int:
    newest = Attempt.objects.filter(anchor__registration=registration).order_by("-pk").first()
    return TYPICAL_GAS if newest is None else newest.gas
