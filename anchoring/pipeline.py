"""From recorded to anchored in three steps, each of which finds what lacks its successor and inserts it.

Retry, crash recovery and the normal run are one code path: a step that dies anywhere is simply run again. Every step is
safe to run twice at once: the database's locks and unique keys let one of the two win and the other find nothing to do.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from anchoring import chain as chains
from anchoring import config, registry, store
from anchoring.chain import Chain, ChainError, NonceTooLow
from anchoring.models import Anchor, Attempt, Checkpoint, Confirmation, Entry, Head, Leaf, Registration, Sender, Tick
from anchoring.protocol import tiles
from anchoring.protocol.checkpoint import Checkpoint as CheckpointText
from anchoring.protocol.checkpoint import format_checkpoint
from anchoring.protocol.merkle import EMPTY_ROOT, prove_consistency
from anchoring.protocol.note import sign_note
from anchoring.protocol.tiles import TileReader
from anchoring.stages import current_registration
from anchoring.trust import log_key_is_trusted

BATCH = 5_000


class Halted(Exception):  # noqa: N818 - a state that a person must look at, not an error of the program
    """The step cannot go on; the text says why and what to do. Nothing is lost: entries wait."""


# Sequencing ----------------------------------------------------------------------------------------------------------


def sequence() -> int:
    """Give every waiting entry its place, then sign the new head. Returns how many entries were sequenced.

    One transaction a batch: the head's row is locked, leaves and tiles are inserted, the head moves, the batch leaves
    the pending list. The signature comes only after that commit: a checkpoint is never signed over what could still be
    rolled back, and a head left unsigned by a crash is signed by the next run.
    """
    sequenced = 0
    while batch := _sequence_batch():
        sequenced += batch
    sign_head()
    return sequenced


def sign_head() -> Checkpoint | None:
    """Sign the committed head, unless its checkpoint exists or the log is empty. Raises Halted for an unknown key."""
    head = Head.objects.filter(pk=1).order_by("pk").first()
    if head is None or head.size == 0 or Checkpoint.objects.filter(pk=head.size).exists():
        return None
    if not log_key_is_trusted(head.size):
        raise Halted(
            "LOG_KEY is not the key that trust.json names, so nobody would believe its seals. Put the right key back."
        )
    root = bytes(head.root)
    note = sign_note(format_checkpoint(CheckpointText(config.origin(), head.size, root)), [config.log_key()])
    row, _ = Checkpoint.objects.get_or_create(
        size=head.size, defaults={"root": root, "note": note, "at": timezone.now()}
    )
    return row


@transaction.atomic(durable=True)
def _sequence_batch() -> int:
    Head.objects.get_or_create(pk=1, defaults={"size": 0, "root": EMPTY_ROOT})
    head = Head.objects.select_for_update().get(pk=1)
    batch = list(Entry.objects.filter(pending__isnull=False).order_by("seq").values_list("seq", "data")[:BATCH])
    if not batch:
        return 0
    hashes = [sha256(b"\x00" + bytes(data)).digest() for _, data in batch]
    grown = tiles.append(size=head.size, tiles=store.read_tiles(list(tiles.edge(head.size))), leaves=hashes)
    store.insert_leaves(head.size, [seq for seq, _ in batch], hashes)
    store.write_tiles(grown.tiles)
    Head.objects.filter(pk=1).update(size=grown.size, root=grown.root)
    store.clear_pending([seq for seq, _ in batch])
    return len(batch)


# Anchoring -----------------------------------------------------------------------------------------------------------


def send(*, chain: Chain, key: bytes) -> Attempt | None:
    """Put the newest due checkpoint on chain: plan, sign, commit, and only then broadcast.

    None when nothing is due or an anchor is still under way. Raises Halted or ChainError; ChainUnavailable after the
    commit leaves an anchor under way, which ``confirm`` sends again.
    """
    registration = current_registration()
    if registration is None:
        raise Halted("The log is not registered on a chain yet. Run: manage.py deploy_registry")
    if Anchor.objects.filter(registration=registration, confirmation=None).exists():
        return None
    confirmed = _last_confirmed(registration)
    checkpoint = _due_checkpoint(confirmed)
    if checkpoint is None:
        return None
    require_same_chain(chain, registration)
    attempt = _plan(chain, key, registration, confirmed, checkpoint)
    if attempt is not None:
        chain.send(bytes(attempt.raw))
    return attempt


def confirm(*, chain: Chain) -> int:
    """For each anchor under way: store the confirmation once its block is final, or send the same bytes again.

    Returns how many were confirmed. Raises Halted when the transaction was mined but did not anchor.
    """
    registration = current_registration()
    under_way = list(
        Attempt.objects.filter(anchor__registration=registration, anchor__confirmation=None)
        .select_related("anchor__registration", "anchor__checkpoint").order_by("pk")
    )  # fmt: skip
    if not under_way or registration is None:
        return 0
    require_same_chain(chain, registration)
    return sum(_confirm(chain, attempt) for attempt in under_way)


def require_same_chain(chain: Chain, registration: Registration) -> None:
    """Raise Halted unless the chain behind the RPC URL is the one the log is registered on, with our contract on it."""
    identity = chain.identity()
    if (identity.chain_id, identity.genesis) != (registration.chain_id, bytes(registration.genesis)):
        raise Halted(
            f"CHAIN_RPC_URL leads to chain {identity.chain_id}, but the log is registered on another one"
            f" (chain {registration.chain_id}, or the same chain started anew)."
            " Correct the URL, or run: manage.py deploy_registry"
        )
    if chain.code_hash(bytes(registration.contract)) != bytes(registration.code_hash):
        raise Halted("The code at the registered contract's address is not the registry. Nothing is sent to it.")


@dataclass(frozen=True)
class _Confirmed:
    """What the chain is known to hold of this log."""

    size: int
    root: bytes


def _last_confirmed(registration: Registration) -> _Confirmed:
    row = (
        Anchor.objects.filter(registration=registration, confirmation__isnull=False)
        .select_related("checkpoint").order_by("-checkpoint").first()
    )  # fmt: skip
    return _Confirmed(row.checkpoint.size, bytes(row.checkpoint.root)) if row else _Confirmed(0, bytes(32))


def _due_checkpoint(confirmed: _Confirmed) -> Checkpoint | None:
    """The newest checkpoint, if anything but the log's own housekeeping came since; an unanchored log is always due."""
    newest = Checkpoint.objects.order_by("-size").first()
    if newest is None or newest.size <= confirmed.size:
        return None
    news = Leaf.objects.filter(index__gte=confirmed.size, index__lt=newest.size).exclude(entry__kind__startswith="log.")
    return newest if confirmed.size == 0 or news.exists() else None


def _plan(
    chain: Chain, key: bytes, registration: Registration, confirmed: _Confirmed, checkpoint: Checkpoint
) -> Attempt | None:
    """Ask the chain what it costs, then reserve the nonce, sign and commit in one transaction."""
    sender = chains.address_of(key)
    log_id, contract = bytes(registration.log_id), bytes(registration.contract)
    expected = registry.head_word(controller=sender, size=confirmed.size, root=confirmed.root)
    if chain.head(contract, log_id) != expected:
        raise Halted(
            "The registry's head is not what our database says was last confirmed. Another process may anchor with the"
            " same key, or the database was restored from a backup. Run: manage.py fsck"
        )
    proof = prove_consistency(old_size=confirmed.size, new_size=checkpoint.size, read=TileReader(store.read_tiles))
    call = registry.anchor_call(
        sender=sender, contract=contract, log_id=log_id, old_size=confirmed.size, old_root=confirmed.root,
        new_size=checkpoint.size, new_root=bytes(checkpoint.root), proof=proof,
    )  # fmt: skip
    gas, fees = chains.gas_limit(chain.estimate(call), call.data), chain.fees()
    _require_funds(chain, sender, gas * fees.cap)
    anchor = Anchor(
        registration=registration, checkpoint=checkpoint, old_size=confirmed.size, old_root=confirmed.root,
        at=timezone.now(),
    )  # fmt: skip
    return _reserve_and_sign(anchor, call, key=key, on_chain=chain.nonce(sender), gas=gas, fees=fees)


@transaction.atomic(durable=True)
def _reserve_and_sign(
    anchor: Anchor, call: chains.Call, *, key: bytes, on_chain: int, gas: int, fees: chains.Fees
) -> Attempt | None:
    """The anchor, its nonce and its signed bytes in one commit, before anything is sent. No network in here.

    None when another process got there first: under the sender's lock there is at most one anchor on top of any other.
    """
    registration = anchor.registration
    sender, genesis = chains.address_of(key), bytes(registration.genesis)
    Sender.objects.get_or_create(genesis=genesis, address=sender, defaults={"next_nonce": on_chain})
    row = Sender.objects.select_for_update().get(genesis=genesis, address=sender)
    if Anchor.objects.filter(registration=registration, checkpoint__gt=anchor.old_size).exists():
        return None
    nonce = max(row.next_nonce, on_chain)
    anchor.save(force_insert=True)
    signed = chains.sign(call, key=key, nonce=nonce, fees=fees, gas=gas, chain_id=registration.chain_id)
    Sender.objects.filter(pk=row.pk).update(next_nonce=nonce + 1)
    return Attempt.objects.create(anchor=anchor, nonce=nonce, raw=signed.raw, transaction=signed.hash, at=anchor.at)


def _require_funds(chain: Chain, sender: bytes, cost: int) -> None:
    balance = chain.balance(sender)
    if balance < cost:
        raise Halted(
            f"The anchoring key 0x{sender.hex()} holds {balance} wei, less than one anchor may cost ({cost} wei)."
            " Send it some of the network's coin."
        )


def _confirm(chain: Chain, attempt: Attempt) -> int:
    receipt = chain.receipt(bytes(attempt.transaction))
    if receipt is None:  # not mined, dropped, or mined and not shown by a lagging node: the same bytes serve all three
        with suppress(NonceTooLow):
            chain.send(bytes(attempt.raw))
        return 0
    final, block = chain.block("finalized"), chain.block(receipt.block_number)
    if final is None or receipt.block_number > final.number:
        return 0
    if block is None or block.hash != receipt.block_hash:
        return 0  # the chain is being rearranged: the next tick looks again
    if not _anchors(receipt, attempt.anchor):
        raise Halted(
            f"Transaction 0x{bytes(attempt.transaction).hex()} was mined but did not anchor. Run: manage.py fsck"
        )
    _, created = Confirmation.objects.get_or_create(
        anchor=attempt.anchor,
        defaults={
            "attempt": attempt, "block_number": block.number, "block_hash": block.hash,
            "block_at": datetime.fromtimestamp(block.timestamp, tz=UTC), "at": timezone.now(),
        },
    )  # fmt: skip
    return int(created)


def _anchors(receipt: chains.TxReceipt, anchor: Anchor) -> bool:
    """Whether the receipt holds the registry's event for exactly this anchor."""
    wanted = (bytes(anchor.registration.log_id), anchor.checkpoint.size, bytes(anchor.checkpoint.root))
    events = [
        registry.parse_anchored(log) for log in receipt.logs if log.address == bytes(anchor.registration.contract)
    ]
    return receipt.succeeded and any(e and (e.log_id, e.new_size, e.new_root) == wanted for e in events)


# The ticks -----------------------------------------------------------------------------------------------------------


def tick(step: str, run: Callable[[], object]) -> str:
    """Run a step for the schedule and note how it went: "" or the problem in words. What it raises beyond is a bug."""
    now = timezone.now()
    try:
        run()
    except (Halted, ChainError) as problem:
        Tick.objects.update_or_create(step=step, defaults={"ran_at": now, "problem": str(problem)})
        return str(problem)
    Tick.objects.update_or_create(step=step, defaults={"ran_at": now, "went_well_at": now, "problem": ""})
    return ""
