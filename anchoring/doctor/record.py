"""What the chain holds of the log against what our rows say, what is under way, and how the schedule does."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from anchoring import covered, handover, registry, routes, states
from anchoring.amounts import in_gwei
from anchoring.chain import NO_CODE, NO_HEAD, Wallet
from anchoring.doctor.check import Check, Setting
from anchoring.models import Anchor, Checkpoint, Handover, Head, Registration, Sighting, Tick
from anchoring.networks import Network
from anchoring.routes import Route, hexed

SEARCHED = 100_000
"""So many of our newest checkpoints are compared with a head that is not where it should be."""

LONG = timedelta(hours=1)
"""An anchor that is under way for longer should not be."""

COMPARE = (
    "Stop the worker. Look for another installation with the same key, or a newer backup; run: manage.py fsck. Do not"
    " go on before you know which history is the right one."
)


NEXT = "When you are ready, change over: manage.py migrate_chain --export FOLDER"


def contract(
    route: Route, network: Network, registration: Registration | None, setting: Setting
) -> Iterator[Check]:  # fmt: skip
    """Whether the log is registered, and whether the registry still stands there."""
    if registration is None:
        run = "Run: manage.py deploy_registry" if setting.chain == "CHAIN" else NEXT
        said = f"The log is not registered on {network.title} yet: nothing is anchored there."
        yield Check("registration", "fault", said, run)
        return
    at = hexed(registration.contract)
    yield Check("registration", "ok", f"The log is registered since {_day(registration.at)} in the contract at {at}.")
    found = route.chain.code_hash(bytes(registration.contract))
    if found == bytes(registration.code_hash):
        yield Check("contract", "ok", "The code that stands there is the registry's.")
    elif found == NO_CODE:
        yield Check(
            "contract", "fault", f"No contract stands at {at}.",
            "See that the endpoint is of the right chain. If the contract is gone for good, run: manage.py"
            " deploy_registry",
        )  # fmt: skip
    else:
        yield Check(
            "contract", "fault", f"The code at {at} is not the registry's. Nothing is sent to it.",
            "Do not trust this endpoint: compare with another one, or with an explorer.",
        )  # fmt: skip


def head(route: Route, registration: Registration, setting: Setting) -> Iterator[Check]:
    """In whose hand the log is, and which size of it the registry holds."""
    word = routes.head(route, registration)
    places = covered.places(registration)
    hands = list(dict.fromkeys([route.wallet.address, *routes.controllers(registration)]))
    found = _find(word, places, hands) or _find(word, _checkpoints(), hands)
    if found is None:
        yield _unknown(word)
        return
    size, hand = found
    yield from _hand(route, registration, hand, setting)
    yield _place(size, places)


def _find(word: bytes, places: list[tuple[int, bytes]], hands: list[bytes]) -> tuple[int, bytes] | None:
    """The size, and the controller's address, that the registry's word says."""
    for size, root in places:
        for hand in hands:
            if word == registry.head_word(controller=hand, size=size, root=root):
                return size, hand
    return None


def _checkpoints() -> list[tuple[int, bytes]]:
    newest = Checkpoint.objects.order_by("-size").values_list("size", "root")[:SEARCHED]
    return [*((size, bytes(root)) for size, root in newest), (0, registry.EMPTY_ROOT)]


def _unknown(word: bytes) -> Check:
    if word == NO_HEAD:
        return Check(
            "head", "fault", "The registry knows nothing of our log, although it was registered there.",
            "The endpoint lags, or the chain went back before the registration. If it stays so, run: manage.py"
            " deploy_registry",
        )  # fmt: skip
    return Check(
        "head", "fault",
        f"The registry's head {hexed(word)} is of no checkpoint that this database knows, in no key's hand that it"
        " knows: the database was restored from a backup, or another installation anchors with the same key.", COMPARE,
    )  # fmt: skip


def _hand(route: Route, registration: Registration, hand: bytes, setting: Setting) -> Iterator[Check]:
    """Whose it is; while a handover is signed and not final, that is what to finish first."""
    ours = route.wallet.address
    newest = Handover.objects.filter(registration=registration).order_by("-pk").first()
    to = ours if newest is None else bytes(newest.controller)
    final = hand == to != ours and handover.is_final(route, registration, to)
    if newest is not None and to != ours and not final:
        where = "is in a block that is not final yet" if hand == to else "is in no block yet"
        yield Check(
            "handover", "warning",
            f"A handover of the log to {hexed(to)} was signed on {_moment(newest.at)} and {where}.",
            "Finish it: manage.py handover_key",
        )  # fmt: skip
    if hand == ours:
        yield Check("controller", "ok", "The log is in the hand of our key.")
    elif hand != to or final:
        yield Check(
            "controller", "fault",
            f"The log is in the hand of {hexed(hand)}, but {setting.key} is the key of {hexed(ours)}.",
            _move_key(hand, setting),
        )  # fmt: skip


def _move_key(hand: bytes, setting: Setting) -> str:
    following = settings.NEXT_CHAIN_KEY
    if setting.key == "CHAIN_KEY" and following and Wallet(bytes.fromhex(following)).address == hand:
        return "Move the key in NEXT_CHAIN_KEY into CHAIN_KEY, and start worker and beat again."
    return f"Put the key of {hexed(hand)} into {setting.key}."


def _place(size: int, places: list[tuple[int, bytes]]) -> Check:
    """Where the registry stands between what is under way (first) and what was final (last)."""
    known, confirmed = [place for place, _ in places], places[-1][0]
    if size == confirmed:
        held = f"The registry holds the log up to size {size:,}, as our rows say." if size else (
            "The registry holds nothing of the log yet, as our rows say."
        )  # fmt: skip
        return Check("head", "ok", held)
    if size in known:
        return Check("head", "ok", f"The registry holds size {size:,}, which is under way and not known as final yet.")
    if size < confirmed:
        return Check(
            "head", "fault",
            f"The registry holds size {size:,}, an older state of ours: size {confirmed:,} was final before. The"
            " endpoint lags, or the chain gave up blocks that it had called final.",
            "Run this again in some minutes. If the chain did go back, the anchor is sent again by itself.",
        )  # fmt: skip
    return Check(
        "head", "fault",
        f"The registry holds size {size:,}, a checkpoint of ours for which this database has no anchor: it was"
        " restored from a backup, or another installation anchors with the same key.", COMPARE,
    )  # fmt: skip


# --- From our rows alone ---------------------------------------------------------------------------------------------


def from_rows(route: Route, registration: Registration | None, now: datetime) -> Iterator[Check]:
    """What is under way, what is due when, and how the last run went."""
    if registration is not None:
        waiting = covered.under_way(registration)
        yield from [_under_way(anchor, now) for anchor in waiting] or [
            Check("under way", "ok", "No anchor is under way.")
        ]
        yield _due(registration, now, waiting)
    yield _schedule(route, registration, now)


def _under_way(anchor: Anchor, now: datetime) -> Check:
    attempts = list(anchor.attempts.order_by("pk"))
    dearest = max((attempt.cap for attempt in attempts), default=0)
    seen = Sighting.objects.filter(attempt__anchor=anchor).order_by("-pk").first()
    said = (
        f"The anchor of size {anchor.checkpoint_id:,} is under way since {_moment(anchor.at)}:"
        f" {len(attempts)} {'transaction' if len(attempts) == 1 else 'transactions'} signed, the dearest for up to"
        f" {in_gwei(dearest)} gwei a unit of gas; "
        + (f"seen in block {seen.block_number}." if seen else "seen in no block yet.")
    )
    if now - anchor.at <= LONG:
        return Check("under way", "ok", said)
    return Check(
        "under way", "warning", f"{said} That is long.",
        "See the lines on fee, nonce, final blocks and the schedule: one of them says why.",
    )  # fmt: skip


def _due(registration: Registration, now: datetime, waiting: list[Anchor]) -> Check:
    rule = (
        f"The rule: an anchor {settings.ANCHOR_EVERY_SECONDS:,} seconds after the last one, or after"
        f" {settings.ANCHOR_EVERY_RECORDS:,} records, and one a day without news."
    )
    if waiting:
        return Check("due", "ok", f"The next anchor follows once the one under way is final. {rule}")
    size = covered.places(registration)[-1][0]
    due = states.due_at(Head.objects.filter(pk=1).order_by("pk").first(), anchored=size)
    if due is None:
        return Check("due", "ok", f"Nothing is recorded yet, so no anchor is due. {rule}")
    when = "now" if due <= now else f"by {_moment(due)}"
    return Check("due", "ok", f"The next anchor is due {when}. {rule}")


def _schedule(route: Route, registration: Registration | None, now: datetime) -> Check:
    """How the last run of the schedule went, in its own words."""
    tick = Tick.objects.filter(step=route.step).order_by("pk").first()
    if tick is None:
        if registration is None:
            return Check("schedule", "ok", "The schedule has not looked at this chain yet.")
        return Check("schedule", "fault", "The schedule has never looked at this chain.", "Start worker and beat.")
    if now - tick.ran_at > timedelta(seconds=10 * settings.CHAIN_TICK_SECONDS + 60):
        return Check(
            "schedule", "fault", f"The schedule has not looked at this chain since {_moment(tick.ran_at)}.",
            "Start worker and beat, and look at what they print.",
        )  # fmt: skip
    if tick.problem:
        return Check(
            "schedule", "fault", f"The last run, {_moment(tick.ran_at)}, could not go on: {tick.problem}",
            "The lines above say more. If all of them are well, the next run goes on by itself.",
        )  # fmt: skip
    return Check("schedule", "ok", f"The last run, {_moment(tick.ran_at)}: {tick.said or 'it went well.'}")


def _day(at: datetime) -> str:
    return f"{at:%-d %B %Y}"


def _moment(at: datetime) -> str:
    return f"{at:%-d %B %Y %H:%M} UTC"
