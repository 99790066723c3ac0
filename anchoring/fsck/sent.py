"""What was sent to the chain and what came back: rows against the bytes that were signed, and against each other."""

from datetime import UTC, datetime
from typing import Any

from eth_hash.auto import keccak

from anchoring import registry, verify
from anchoring.fsck.finding import Finding, Findings, Tally
from anchoring.fsck.trust import published_registrations
from anchoring.models import (
    Anchor,
    Attempt,
    Checkpoint,
    Confirmation,
    Handover,
    Leaf,
    ReceiptProof,
    Registration,
    Sighting,
    State,
)
from anchoring.protocol.anchor import ReceiptAnchor, encode_anchor, parse_inclusion
from anchoring.protocol.canonical import Malformed
from anchoring.trust import published

_SIGNED, _DATA = {"nonce": 1, "tip": 2, "cap": 3, "gas": 4}, 7  # places in an EIP-1559 transaction's list


def check_states() -> Findings:
    """Each state leaf against its leaf, its entry and the checkpoint of its size."""
    for state in State.objects.select_related("entry").order_by("size").iterator(chunk_size=1_000):
        where = f"state {state.size}"
        leaf = Leaf.objects.filter(entry=state.entry).values_list("index", flat=True).order_by("index").first()
        if leaf not in (None, state.size - 1) or state.entry.kind != "log.state":
            yield Finding(where, "is not of the state leaf that is the last of that size")
        if _root(state.size) not in (None, bytes(state.root)):
            yield Finding(f"{where}, column root", "is not the root of the checkpoint of that size")
        if state.at != state.entry.at:
            yield Finding(f"{where}, column at", "is not the time of its entry")


def check_anchors(tally: Tally) -> Findings:
    """Anchors, what was signed for them, and where they stand, against the checkpoints and against each other."""
    roots = {0: registry.EMPTY_ROOT}
    for anchor in Anchor.objects.order_by("pk").iterator(chunk_size=1_000):
        tally.anchors += 1
        if roots.get(anchor.old_size, _root(anchor.old_size)) != bytes(anchor.old_root):
            yield Finding(f"anchor {anchor.pk}, columns old_size and old_root", "are not those of a checkpoint")
        if not Attempt.objects.filter(anchor=anchor).exists():
            yield Finding(f"anchor {anchor.pk}", "has no signed transaction")
    for attempt in Attempt.objects.order_by("pk").iterator(chunk_size=1_000):
        yield from _check_signed(f"attempt {attempt.pk}", attempt, ("nonce", "tip", "cap", "gas"))
    for handover in Handover.objects.order_by("pk").iterator(chunk_size=1_000):
        yield from _check_signed(f"handover {handover.pk}", handover, ("nonce", "tip", "cap"))
    for row in Registration.objects.filter(follows__isnull=False).order_by("pk"):
        if row.follows_id is not None and row.follows_id >= row.pk:
            yield Finding(f"registration {row.pk}, column follows", "does not name an earlier one")
    yield from _check_confirmations()
    yield from _check_receipt_proofs()


def _check_signed(where: str, row: Attempt | Handover, columns: tuple[str, ...]) -> Findings:
    raw = bytes(row.raw)
    if keccak(raw) != bytes(row.transaction):
        yield Finding(f"{where}, column transaction", "is not the hash of the signed bytes")
        return
    try:
        items = _items(raw)
        signed = {name: verify.rlp_integer(items[place], name) for name, place in _SIGNED.items()}
    except verify.VerificationError:
        yield Finding(f"{where}, column raw", "is not a signed transaction")
        return
    for name in columns:
        if getattr(row, name) != signed[name]:
            yield Finding(f"{where}, column {name}", "is not what was signed")
    if isinstance(row, Handover) and items[_DATA][-20:] != bytes(row.controller):
        yield Finding(f"{where}, column controller", "is not whom the signed call names")


def _items(raw: bytes) -> list[Any]:
    """The list that an EIP-1559 transaction is, behind its type. Raises VerificationError."""
    items = verify.read_rlp(raw[1:], "the transaction")
    if not isinstance(items, list) or len(items) != 12:
        raise verify.VerificationError("the transaction is not of twelve items")
    return items


def _check_confirmations() -> Findings:
    """A confirmation is of its anchor's own attempt, seen in that block before; those of one anchor are counted."""
    counted: dict[int, int] = {}
    rows = Confirmation.objects.select_related("attempt").order_by("anchor", "nth")
    for row in rows.iterator(chunk_size=1_000):
        where = f"confirmation {row.pk}"
        counted = {row.anchor_id: counted.get(row.anchor_id, 0) + 1}
        if row.nth != counted[row.anchor_id]:
            yield Finding(f"{where}, column nth", f"is {row.nth}; it is number {counted[row.anchor_id]} of its anchor")
        if row.attempt.anchor_id != row.anchor_id:
            yield Finding(f"{where}, column attempt", "is of another anchor")
        seen = Sighting.objects.filter(attempt=row.attempt_id).order_by("pk")
        blocks = {(block.block_number, bytes(block.block_hash)) for block in seen}
        if blocks and (row.block_number, bytes(row.block_hash)) not in blocks:
            yield Finding(where, "its attempt was never seen in that block")


def _check_receipt_proofs() -> Findings:
    """The kept way of each event up to its block, climbed as any verifier climbs it."""
    known = published_registrations()
    rows = ReceiptProof.objects.filter(data__isnull=False).order_by("pk")
    for row in rows.select_related("confirmation__anchor__checkpoint", "confirmation__anchor__registration").iterator(
        chunk_size=100
    ):
        if published(row.confirmation.anchor.registration) not in known:
            continue  # that is named already, and the proof is of the one that was published
        try:
            anchor = _as_verifiers_read_it(row)
            header, event = verify.read_header(anchor.header_rlp), verify.read_event(anchor)
        except (Malformed, verify.VerificationError) as error:
            yield Finding(f"receipt proof {row.pk}, column data", f"does not hold: {error}")
            continue
        confirmation, checkpoint = row.confirmation, row.confirmation.anchor.checkpoint
        if event != (checkpoint.size, bytes(checkpoint.root)):
            yield Finding(f"receipt proof {row.pk}", "is of the event of another anchor")
        told = ("0x" + bytes(confirmation.block_hash).hex(), confirmation.block_number, confirmation.block_at)
        if told != (header.hash, header.number, datetime.fromtimestamp(header.time, UTC)):
            yield Finding(
                f"confirmation {confirmation.pk}, columns block_hash, block_number and block_at",
                f"are not those of the block in its receipt proof {row.pk}",
            )


def _as_verifiers_read_it(row: ReceiptProof) -> Any:
    """The stored proof in the verifier's own words."""
    registration = row.confirmation.anchor.registration
    assert row.data is not None
    anchor = ReceiptAnchor(
        registration.chain_id, bytes(registration.contract), bytes(registration.log_id),
        parse_inclusion(bytes(row.data)),
    )  # fmt: skip
    return verify.read_anchor(encode_anchor(anchor))


def _root(size: int) -> bytes | None:
    checkpoint = Checkpoint.objects.filter(pk=size).order_by("pk").first()
    return bytes(checkpoint.root) if checkpoint else None
