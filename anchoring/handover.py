"""Giving the log to another key, on chain: a step at a time, as anchors are sent.

A handover is urgent: it takes the nonce of an anchor that is under way, for more, and whichever of the two a block
takes first is consistent with the other: the anchor is sent again by the new key, or the handover signed again on top
of it. Whether it took place is read off the registry's head; a second run goes on where the first one stopped.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from anchoring import anchors, covered, registry
from anchoring.chain import Call, Fees, gas_limit
from anchoring.models import Attempt, Handover, Registration
from anchoring.routes import (
    Route,
    head,
    hexed,
    latest_registration,
    require_funds,
    require_our_head,
    require_same_chain,
    reserve,
)
from anchoring.schedule import Halted


@dataclass(frozen=True)
class Step:
    """How far the handover is; ``done`` once a final block holds it."""

    sentence: str
    done: bool = False


def step(route: Route, *, to: bytes) -> Step:
    """Do the next thing towards giving the log to the address ``to``. Raises Halted or ChainError."""
    registration = latest_registration(route)
    if registration is None:
        raise Halted("The log is not registered on that chain: there is nothing to hand over.")
    if to == route.wallet.address:
        raise Halted(f"The log would go to {hexed(to)}, the key that it comes from. Set another NEXT_CHAIN_KEY.")
    require_same_chain(route, registration)
    word = head(route, registration)
    if _holds(registration, word, to):
        return _mined(route, registration, to)
    size, root = _place(route, registration, word)
    call = registry.handover_call(
        sender=route.wallet.address, contract=bytes(registration.contract), log_id=bytes(registration.log_id),
        size=size, root=root, new_controller=to,
    )  # fmt: skip
    return _send(route, registration, call, to=to, now=timezone.now())


def _holds(registration: Registration, word: bytes, controller: bytes) -> bool:
    """Whether the registry's word is one of our sizes in that hand."""
    return word in {registry.head_word(controller=controller, size=s, root=r) for s, r in covered.places(registration)}


def _place(route: Route, registration: Registration, word: bytes) -> tuple[int, bytes]:
    """The size and root that the registry holds in our hand. Raises Halted if it is another's."""
    places = covered.places(registration)
    for size, root in places:
        if word == registry.head_word(controller=route.wallet.address, size=size, root=root):
            return size, root
    size, root = places[-1]
    require_our_head(
        route, registration, word=word, size=size, root=root, otherwise="The registry's head is none that we know."
    )
    raise AssertionError("unreachable: the head would have been found")


def _mined(route: Route, registration: Registration, to: bytes) -> Step:
    if not is_final(route, registration, to):
        return Step(f"The log is in the hand of {hexed(to)} in a block that is not final yet.")
    return Step(f"The log is in the hand of {hexed(to)}, in a final block.", done=True)


def is_final(route: Route, registration: Registration, to: bytes) -> bool:
    """Whether a final block holds it, once the newest one does; where a depth decides, by a receipt of ours."""
    if route.finality is None:
        return _holds(
            registration, route.chain.head(bytes(registration.contract), bytes(registration.log_id), "finalized"), to
        )
    latest = route.chain.block("latest")
    signed = Handover.objects.filter(registration=registration, controller=to).order_by("pk")
    receipts = [route.chain.receipt(bytes(each.transaction)) for each in signed]
    return latest is not None and any(r and r.block_number + route.finality <= latest.number for r in receipts)


def _send(route: Route, registration: Registration, call: Call, *, to: bytes, now: datetime) -> Step:
    """Sign at the next nonce and commit, or take what was signed for it before; then send."""
    nonce = route.chain.nonce(route.wallet.address)
    signed = _signed(registration, call.sender, nonce)
    last = signed[0] if signed else None
    if last is None or bytes(last.controller) != to or now - last.at >= _patience(len(signed)):
        gas = gas_limit(route.chain.estimate(call), call.data)
        route.chain.simulate(call, gas=gas)
        rival = _dearest(registration, call.sender, nonce)
        fees = route.dearer_offer(rival) if rival else route.first_offer()
        require_funds(route, registration, gas * fees.cap, now)
        last = _sign(route, registration, call, to=to, nonce=nonce, gas=gas, fees=fees, now=now)
    anchors.send_as_it_is(route, bytes(last.raw))
    return Step(f"The handover to {hexed(to)} was sent in transaction {hexed(last.transaction)}; no block has it yet.")


def _signed(registration: Registration, sender: bytes, nonce: int) -> list[Handover]:
    """The handovers signed for that nonce, newest first."""
    return list(Handover.objects.filter(registration=registration, sender=sender, nonce=nonce).order_by("-pk"))


def _patience(signed: int) -> timedelta:
    return timedelta(seconds=settings.FEE_BUMP_AFTER_SECONDS) * signed


def _dearest(registration: Registration, sender: bytes, nonce: int) -> Fees | None:
    """The highest fees that we offered for anything at that nonce; None if it is free."""
    here = {"registration": registration, "sender": sender, "nonce": nonce}
    of_anchors = Attempt.objects.filter(anchor__registration=registration, sender=sender, nonce=nonce)
    offered = [*of_anchors.values_list("tip", "cap"), *Handover.objects.filter(**here).values_list("tip", "cap")]
    return Fees(max(tip for tip, _ in offered), max(cap for _, cap in offered)) if offered else None


@transaction.atomic(durable=True)
def _sign(
    route: Route, registration: Registration, call: Call, *, to: bytes, nonce: int, gas: int, fees: Fees, now: datetime
) -> Handover:
    """The nonce and the signed bytes in one commit, before anything is sent."""
    reserve(bytes(registration.genesis), call.sender, nonce)
    signed = route.wallet.sign(call, nonce=nonce, fees=fees, gas=gas, chain_id=registration.chain_id)
    row, _ = Handover.objects.get_or_create(
        transaction=signed.hash,
        defaults={
            "registration": registration, "sender": call.sender, "controller": to, "nonce": nonce, "tip": fees.tip,
            "cap": fees.cap, "raw": signed.raw, "at": now,
        },
    )  # fmt: skip
    return row
