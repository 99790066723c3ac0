"""The life of an anchor, a step at a time: each tick looks at what is there and does the next thing, or nothing.

Nothing here waits for the chain. What is to be sent is signed and committed first; whatever is under way is looked up
by the hashes of all that was ever signed for it, and sent again byte for byte until a block holds it. An anchor counts
once its block is final on every endpoint. Two ticks at once are harmless: locks and unique keys let one of them win.

    due ──► signed and committed ──► sent ──► mined ──► final (Confirmation)
                    ▲   dearer, same nonce │      │            │
                    └──────────────────────┘ ◄────┘ block lost └─► block lost all the same: Retraction, sent again

What cannot go on raises ``Halted`` with a reason that a person can act on. It is judged anew at each tick.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.db.models import Subquery
from django.utils import timezone

from anchoring import registry, store
from anchoring.chain import Block, Call, ChainUnavailable, Fees, NoFunds, NonceTooLow, TxReceipt, Underpriced, gas_limit
from anchoring.covered import Covered, divide, newest_anchors
from anchoring.inclusion import CannotProve
from anchoring.models import (
    Anchor,
    Attempt,
    Checkpoint,
    Confirmation,
    Handover,
    ReceiptProof,
    Registration,
    Retraction,
    Sender,
    Sighting,
    State,
)
from anchoring.protocol.anchor import encode_inclusion
from anchoring.protocol.merkle import prove_consistency
from anchoring.protocol.tiles import TileReader
from anchoring.routes import (
    Route,
    hands,
    head,
    hexed,
    latest_registration,
    look_at_funds,
    next_nonce,
    refuse_lag,
    require_funds,
    require_our_head,
    require_same_chain,
    reserve,
    stranger,
)
from anchoring.schedule import Halted

LONGEST_DOUBLING = 5
"""How often the wait before the next dearer offer doubles."""

REVERTS = 3
"""So often may an anchor's transaction be mined without effect before a person has to look."""

Word = Literal["idle", "sent", "mined", "confirmed", "retracted"]


@dataclass(frozen=True)
class Outcome:
    """What a tick found or did, in a word for programs and a sentence for people.

    ``seen`` is the last final block, as a state leaf names it: chain_id, block_number, block_hash; empty if unknown.
    """

    word: Word
    sentence: str
    seen: dict[str, int | str]

    def __str__(self) -> str:
        return self.sentence


def tick(route: Route) -> Outcome:
    """Do the next thing for the log on this chain. Raises Halted or ChainError; nothing is lost by either."""
    newest_there = Registration.objects.filter(chain_id__in=route.chain_ids).order_by("-pk").values("pk")[:1]
    newest = newest_anchors(Subquery(newest_there))
    registration = newest[0].registration if newest else latest_registration(route)
    if registration is None:
        raise Halted("The log is not registered on a chain yet. Run: manage.py deploy_registry")
    under_way, covered = divide(newest)
    look = _Look(route, registration, covered)
    retracted = look.watch()
    if retracted:
        return retracted
    if covered.confirmation is not None and not covered.proof_is_settled:
        look.prove_again(covered.confirmation)
    outcomes = [look.follow(anchor) for anchor in under_way]
    return outcomes[0] if outcomes else look.launch()


@dataclass
class _Look:
    """One look at the log on one chain."""

    route: Route
    registration: Registration
    covered: Covered
    now: datetime = field(default_factory=lambda: timezone.now())

    @cached_property
    def final(self) -> Block | None:
        """The last final block, as the first endpoint that answers says."""
        if self.route.finality is None:
            return self.route.chain.block("finalized")
        latest = self.route.chain.block("latest")
        return None if latest is None else self.route.chain.block(max(0, latest.number - self.route.finality))

    def found(self, word: Word, sentence: str) -> Outcome:
        """The tick's outcome."""
        if self.final is None:
            return Outcome(word, sentence, {})
        seen: dict[str, int | str] = {
            "chain_id": self.registration.chain_id, "block_number": self.final.number,
            "block_hash": hexed(self.final.hash),
        }  # fmt: skip
        return Outcome(word, sentence, seen)

    def watch(self) -> Outcome | None:
        """See that the newest anchor's block is still there; a Retraction if another one stands in its place."""
        final, covered = self.final, self.covered
        if covered.confirmation is None:
            return None
        block = self.route.chain.block(covered.block_number)
        if block is not None and block.hash == covered.block_hash:
            return None
        require_same_chain(self.route, self.registration)
        if block is None or final is None or final.number < covered.block_number:
            raise ChainUnavailable(
                f"The endpoint lags: block {covered.block_number} was final before, and it does not have it as final"
                " now."
            )
        Retraction.objects.get_or_create(
            confirmation_id=covered.confirmation,
            defaults={"block_hash": self._agreed_hash(covered.block_number), "at": self.now},
        )
        return self.found(
            "retracted",
            f"Block {covered.block_number}, which was final, was replaced by another one. The anchor of size"
            f" {covered.size} no longer counts and is sent again.",
        )

    # --- Something is under way --------------------------------------------------------------------------------------

    def follow(self, anchor: Anchor) -> Outcome:
        """See what became of all that was signed for it, and do the next thing."""
        attempts = list(anchor.attempts.order_by("-pk"))
        for attempt in attempts:
            receipt = self.route.chain.receipt(bytes(attempt.transaction))
            if receipt is not None:
                return self._mined(anchor, attempt, receipt)
        return self._not_mined(anchor, attempts)

    def _mined(self, anchor: Anchor, attempt: Attempt, receipt: TxReceipt) -> Outcome:
        moved = self._note_sighting(attempt, receipt)
        number, final = receipt.block_number, self.final
        if final is None or number > final.number:
            return self.found(
                "mined",
                f"The anchor of size {anchor.checkpoint_id} stands in block {number}{moved}; it counts once that block"
                f" is final (the last final one is {final.number if final else 'not known'}).",
            )
        if self._agreed_hash(number) != receipt.block_hash:
            return self.found("mined", f"Block {number} is being rearranged; the next tick looks again.")
        require_same_chain(self.route, self.registration)
        self._require_shown_by_all(attempt, receipt)
        what = f"Transaction {hexed(attempt.transaction)} was mined but did not anchor."
        if not receipt.succeeded:
            return self._start_over(anchor, attempt, what)
        if not _anchors(receipt, anchor):
            raise Halted(f"{what} Run: manage.py fsck")
        confirmation = self._confirm(anchor, attempt, receipt)
        with suppress(ChainUnavailable):  # the next tick tries again
            self._prove(confirmation, receipt)
        return self.found("confirmed", f"Confirmed: the chain holds the log up to size {anchor.checkpoint_id}.")

    def _note_sighting(self, attempt: Attempt, receipt: TxReceipt) -> str:
        """Remember the block; words for a transaction that was seen in another one before."""
        Sighting.objects.get_or_create(
            attempt=attempt, block_hash=receipt.block_hash,
            defaults={"block_number": receipt.block_number, "at": self.now},
        )  # fmt: skip
        others = Sighting.objects.filter(attempt=attempt).exclude(block_hash=receipt.block_hash).order_by("-pk")
        before = others.first()
        return f" (it moved there from block {before.block_number}, which the chain gave up)" if before else ""

    def _agreed_hash(self, number: int) -> bytes:
        """The hash of a final block that every endpoint shows. Raises Halted while they differ or lag."""
        shown = self.route.chain.blocks(number)
        hashes = {block.hash if block else b"" for block in shown.values()}
        if len(hashes) > 1:
            raise Halted(
                f"The endpoints disagree about block {number}: "
                + "; ".join(f"{name} shows {hexed(b.hash) if b else 'none'}" for name, b in shown.items())
                + ". Nothing counts until they agree. If one of them is wrong for long, replace it."
            )
        [agreed] = hashes
        if self.route.finality is None and len(shown) > 1:
            behind = [n for n, b in self.route.chain.blocks("finalized").items() if b is None or b.number < number]
            if behind:
                raise ChainUnavailable(f"{', '.join(behind)} does not call block {number} final yet.")
        return agreed

    def _require_shown_by_all(self, attempt: Attempt, receipt: TxReceipt) -> None:
        """Raise ChainUnavailable unless every endpoint shows the same receipt: one alone may have invented it."""
        for name, other in self.route.chain.receipts(bytes(attempt.transaction)).items():
            if other is None or (other.block_hash, other.logs) != (receipt.block_hash, receipt.logs):
                raise ChainUnavailable(
                    f"{name} does not show transaction {hexed(attempt.transaction)} in block {receipt.block_number} as"
                    " another endpoint does. Nothing counts until they agree. If one of them is wrong for long,"
                    " replace it."
                )

    def _confirm(self, anchor: Anchor, attempt: Attempt, receipt: TxReceipt) -> Confirmation:
        block = self.route.chain.block(receipt.block_number)
        if block is None or block.hash != receipt.block_hash:
            raise ChainUnavailable(f"Block {receipt.block_number} is shown and then not; the next tick looks again.")
        confirmation, _ = Confirmation.objects.get_or_create(
            anchor=anchor, nth=1 + Retraction.objects.filter(confirmation__anchor=anchor).count(),
            defaults={
                "attempt": attempt, "block_number": block.number, "block_hash": block.hash,
                "block_at": datetime.fromtimestamp(block.timestamp, tz=UTC), "gas_used": receipt.gas_used,
                "gas_price": receipt.gas_price, "at": self.now,
            },
        )  # fmt: skip
        look_at_funds(self.route, self.registration, attempt.gas * attempt.cap, self.now)
        return confirmation

    def prove_again(self, pk: int) -> None:
        """Make the newest anchor's receipt proof, which could not be made as its block became final."""
        rows = Confirmation.objects.select_related("anchor__checkpoint", "anchor__registration", "attempt")
        confirmation = rows.get(pk=pk)
        receipt = self.route.chain.receipt(bytes(confirmation.attempt.transaction))
        if receipt is not None and receipt.block_hash == bytes(confirmation.block_hash):
            self._prove(confirmation, receipt)

    def _prove(self, confirmation: Confirmation, receipt: TxReceipt) -> None:
        """Keep the event with its way up to the block's hash; where that cannot be made, the reason."""
        anchor = confirmation.anchor
        event = registry.Anchored(
            contract=bytes(self.registration.contract), log_id=bytes(self.registration.log_id),
            new_size=anchor.checkpoint.size, new_root=bytes(anchor.checkpoint.root), old_size=anchor.old_size,
            old_root=bytes(anchor.old_root),
        )  # fmt: skip
        try:
            made = registry.prove_anchored(self.route.chain, receipt, event, chain_id=self.registration.chain_id)
        except CannotProve as reason:
            ReceiptProof.objects.create(confirmation=confirmation, reason=str(reason), at=self.now)
            return
        ReceiptProof.objects.get_or_create(
            confirmation=confirmation, data__isnull=False, defaults={"data": encode_inclusion(made), "at": self.now}
        )

    def _not_mined(self, anchor: Anchor, attempts: list[Attempt]) -> Outcome:
        """No block shows it: not taken yet, forgotten, or its nonce is used by something else."""
        require_same_chain(self.route, self.registration)
        newest, ours = attempts[0], self.route.wallet.address
        sender = bytes(newest.sender)
        used = self.route.chain.nonce(sender)
        if used > max(attempt.nonce for attempt in attempts):
            return self._nonce_used(anchor, newest)
        handover = self._handover_at(sender, used)
        if handover is not None:
            send_as_it_is(self.route, bytes(handover.raw))
            return self.found("sent", "The log is being handed over to another key; the anchor waits for that.")
        next_ones = [attempt for attempt in attempts if attempt.nonce == used]
        if next_ones and sender == ours and self._waits_too_long(next_ones):
            return self._bump(anchor, next_ones[0])
        if next_ones:
            return self._send(anchor, next_ones[0])
        if sender != ours or self._is_ours(sender, used):
            return self.found("sent", f"The anchor of size {anchor.checkpoint_id} waits for the transaction before it.")
        refuse_lag(self.registration, sender, used)
        return self._another_attempt(anchor, newest, nonce=used)  # what was reserved before was never sent

    def _waits_too_long(self, attempts: list[Attempt]) -> bool:
        """Whether the newest of these replacements has waited its time, which doubles from each to the next."""
        patience = timedelta(seconds=settings.FEE_BUMP_AFTER_SECONDS) * 2 ** min(len(attempts) - 1, LONGEST_DOUBLING)
        return self.now - attempts[0].at >= patience

    def _handover_at(self, sender: bytes, nonce: int) -> Handover | None:
        handovers = Handover.objects.filter(registration=self.registration, sender=sender, nonce=nonce)
        return handovers.order_by("-pk").first()

    def _is_ours(self, sender: bytes, nonce: int) -> bool:
        """Whether another anchor of ours was signed for this nonce and may still be mined: it is sent again itself."""
        anchors = Attempt.objects.filter(sender=sender, nonce=nonce, anchor__registration=self.registration)
        return anchors.exclude(anchor__checkpoint__lte=self.covered.size).exists()

    def _nonce_used(self, anchor: Anchor, newest: Attempt) -> Outcome:
        """A block has the nonce, and no receipt of ours is shown: it may be late, or the transaction another one."""
        nonce = newest.nonce
        if self.route.finality is None and self.route.chain.nonce(bytes(newest.sender), "finalized") <= nonce:
            return self.found(
                "mined",
                f"Nonce {nonce} is used in a block that is not final yet, and no node shows a receipt of ours yet.",
            )
        what = f"Nonce {nonce} is used, but transaction {hexed(newest.transaction)} did not anchor."
        return self._start_over(anchor, newest, what)

    def _start_over(self, anchor: Anchor, newest: Attempt, what: str) -> Outcome:
        """A transaction can no longer do it: see by the registry's head whether another one did, may, or must not."""
        word = head(self.route, self.registration)
        if word in hands(self.route, self.registration, anchor.checkpoint.size, bytes(anchor.checkpoint.root)):
            return self.found("mined", "The registry holds the anchor; no node shows its receipt yet.")
        require_our_head(
            self.route, self.registration, word=word, size=anchor.old_size, root=bytes(anchor.old_root), otherwise=what
        )
        self._require_expected(anchor, newest)
        self._refuse_endless_reverts(anchor)
        return self._another_attempt(anchor, newest, nonce=self.route.chain.nonce(self.route.wallet.address))

    def _require_expected(self, anchor: Anchor, newest: Attempt) -> None:
        """Raise Halted if a stranger used our key, unless a person said that it was all right."""
        sender, nonce = bytes(newest.sender), newest.nonce
        reverted = Sighting.objects.filter(attempt__anchor=anchor, attempt__nonce=nonce, attempt__sender=sender)
        if reverted.exists() or sender != self.route.wallet.address:
            return
        genesis = bytes(self.registration.genesis)
        accepted = Sender.objects.filter(genesis=genesis, address=sender, accepted__gt=nonce)
        handed_over = Handover.objects.filter(registration=self.registration, sender=sender, nonce=nonce)
        if not accepted.exists() and not handed_over.exists():
            raise Halted(stranger(sender, nonce))

    def _refuse_endless_reverts(self, anchor: Anchor) -> None:
        tried = Sighting.objects.filter(attempt__anchor=anchor).values("attempt").distinct().count()
        if tried >= REVERTS:
            raise Halted(
                f"The anchor of size {anchor.checkpoint_id} was mined without effect {tried} times. Nothing more is"
                " sent. Run: manage.py anchor_doctor"
            )

    # --- Something is due --------------------------------------------------------------------------------------------

    def launch(self) -> Outcome:
        """Plan, sign and send the newest due checkpoint, if there is one."""
        state = (
            State.objects.filter(size__gt=self.covered.size).order_by("-size").values_list("size", flat=True).first()
        )
        checkpoint = None if state is None else Checkpoint.objects.filter(pk=state).order_by("pk").first()
        if checkpoint is None:
            held = (
                f"the chain holds the log up to size {self.covered.size}" if self.covered.size else "nothing is due yet"
            )
            return self.found("idle", f"Nothing to anchor: {held}.")
        require_same_chain(self.route, self.registration)
        require_our_head(
            self.route, self.registration, word=head(self.route, self.registration), size=self.covered.size,
            root=self.covered.root, otherwise="The registry's head is not what our database says was last confirmed.",
        )  # fmt: skip
        nonce = next_nonce(self.route, self.registration)
        self._refuse_beside_handover(nonce)
        anchor = Anchor(
            registration=self.registration, checkpoint=checkpoint, old_size=self.covered.size,
            old_root=self.covered.root, at=self.now,
        )  # fmt: skip
        return self._another_attempt(anchor, None, nonce=nonce)

    def _refuse_beside_handover(self, nonce: int) -> None:
        under_way = Handover.objects.filter(
            registration=self.registration, sender=self.route.wallet.address, nonce__gte=nonce
        )
        if under_way.exists():
            raise Halted("The log is being handed over to another key. Finish it: manage.py handover_key")

    # --- Signing and sending -----------------------------------------------------------------------------------------

    def _another_attempt(self, anchor: Anchor, after: Attempt | None, *, nonce: int) -> Outcome:
        """Estimate, simulate, reserve, sign, commit, and only then send: a transaction at that nonce."""
        call = self._call(anchor)
        gas = gas_limit(self.route.chain.estimate(call), call.data)
        self.route.chain.simulate(call, gas=gas)
        fees = self.route.first_offer()
        require_funds(self.route, self.registration, gas * fees.cap, self.now)
        attempt = self._sign(anchor, call, nonce=nonce, gas=gas, fees=fees, after=after)
        if attempt is None:
            return self.found("idle", "Another process was first.")
        send_as_it_is(self.route, bytes(attempt.raw))
        return self._sent(anchor, attempt)

    def _bump(self, anchor: Anchor, last: Attempt) -> Outcome:
        """The same call at the same nonce for more; above the cap the bytes that exist are sent again instead."""
        try:
            fees = self.route.dearer_offer(Fees(last.tip, last.cap))
        except Halted:
            send_as_it_is(self.route, bytes(last.raw))
            raise
        attempt = self._sign(anchor, self._call(anchor), nonce=last.nonce, gas=last.gas, fees=fees, after=last)
        if attempt is not None:
            send_as_it_is(self.route, bytes(attempt.raw))
        return self._sent(anchor, attempt or last)

    def _call(self, anchor: Anchor) -> Call:
        size, root = anchor.checkpoint.size, bytes(anchor.checkpoint.root)
        return registry.anchor_call(
            sender=self.route.wallet.address, contract=bytes(self.registration.contract),
            log_id=bytes(self.registration.log_id), old_size=anchor.old_size, old_root=bytes(anchor.old_root),
            new_size=size, new_root=root,
            proof=prove_consistency(old_size=anchor.old_size, new_size=size, read=TileReader(store.read_tiles)),
        )  # fmt: skip

    @transaction.atomic(durable=True)
    def _sign(
        self, anchor: Anchor, call: Call, *, nonce: int, gas: int, fees: Fees, after: Attempt | None
    ) -> Attempt | None:
        """The anchor, its nonce and its signed bytes in one commit, before anything is sent. No network in here.

        None when another process got there first: under the sender's lock there is at most one anchor on top of any
        other, and one attempt after any other.
        """
        reserve(bytes(self.registration.genesis), call.sender, nonce)
        if after is None:
            newer = Anchor.objects.filter(registration=self.registration, checkpoint__gt=anchor.old_size)
        else:
            newer = Anchor.objects.filter(pk=anchor.pk, attempts__pk__gt=after.pk)
        if newer.exists():
            return None
        if after is None:
            anchor.save(force_insert=True)
        signed = self.route.wallet.sign(call, nonce=nonce, fees=fees, gas=gas, chain_id=self.registration.chain_id)
        return Attempt.objects.create(
            anchor=anchor, sender=call.sender, nonce=nonce, tip=fees.tip, cap=fees.cap, gas=gas, raw=signed.raw,
            transaction=signed.hash, at=self.now,
        )  # fmt: skip

    def _send(self, anchor: Anchor, attempt: Attempt) -> Outcome:
        """Hand the bytes over, once more. What a node says of them is a hint at most: the next tick looks at state."""
        try:
            self.route.chain.send(bytes(attempt.raw))
        except NonceTooLow:
            pass
        except Underpriced:
            return self._bump(anchor, attempt)
        except NoFunds:
            require_funds(self.route, self.registration, attempt.gas * attempt.cap, self.now)
            raise
        return self._sent(anchor, attempt)

    def _sent(self, anchor: Anchor, attempt: Attempt) -> Outcome:
        transaction = hexed(attempt.transaction)
        return self.found(
            "sent",
            f"The anchor of size {anchor.checkpoint_id} was sent in transaction {transaction}; no block has it yet.",
        )


def send_as_it_is(route: Route, raw: bytes) -> None:
    """Send; a node that finds the offer too low, or the nonce used, changes nothing: the next tick looks again."""
    with suppress(NonceTooLow, Underpriced):
        route.chain.send(raw)


def _anchors(receipt: TxReceipt, anchor: Anchor) -> bool:
    """Whether the receipt holds the registry's event for exactly this anchor."""
    wanted = (bytes(anchor.registration.log_id), anchor.checkpoint.size, bytes(anchor.checkpoint.root))
    events = [
        registry.parse_anchored(log) for log in receipt.logs if log.address == bytes(anchor.registration.contract)
    ]
    return receipt.succeeded and any(e and (e.log_id, e.new_size, e.new_root) == wanted for e in events)
