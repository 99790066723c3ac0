"""From recorded to sealed: each waiting entry gets its place in the tree, and the head is signed.

``anchor/`` goes on from the sealed heads.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from anchoring import config, mapping, restore, states, store, witness
from anchoring.models import Checkpoint, Head, Pending, State
from anchoring.protocol import tiles
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.checkpoint import Checkpoint as CheckpointText
from anchoring.protocol.checkpoint import format_checkpoint
from anchoring.protocol.merkle import EMPTY_ROOT, leaf_hash
from anchoring.protocol.note import sign_note
from anchoring.schedule import Halted
from anchoring.trust import KeyNotAtHand, signers

BATCH = 10_000


def sequence() -> int:
    """Give every waiting entry its place, put a state leaf on top if an anchor is due, then sign what came of it.

    Returns how many entries were sequenced, the state leaf not counted. One transaction a batch: the head's row is
    locked, leaves and tiles are inserted, the head moves, the batch leaves the pending list. The signature comes only
    after that commit: a checkpoint is never signed over what could still be rolled back, and a head left unsigned by a
    crash is signed by the next run. Raises Halted while the restore gate is shut.
    """
    reason = restore.gate()
    if reason:
        raise Halted(reason)
    sequenced, batch = 0, BATCH
    while batch == BATCH:
        batch = _sequence_batch()
        sequenced += batch
    _close_if(states.is_due)
    sign_head()
    return sequenced


def close_now() -> None:
    """Seal what waits and put a state leaf on top now, due or not; nothing if one is on top already."""
    sequence()
    _close_if(_is_open)
    sign_head()


def sign_head() -> Checkpoint | None:
    """Sign the committed head and the newest state, unless their checkpoints exist. Raises Halted without the keys.

    Returns the head's checkpoint if it was signed now.
    """
    state = State.objects.order_by("-size").first()
    if state is not None and not Checkpoint.objects.filter(pk=state.size).exists():
        _sign(state.size, bytes(state.root))  # another run may have gone on before this one was signed
    head = Head.objects.filter(pk=1).order_by("pk").first()
    if head is None or head.size == 0 or Checkpoint.objects.filter(pk=head.size).exists():
        return None
    return _sign(head.size, bytes(head.root))


def _sign(size: int, root: bytes) -> Checkpoint:
    """The checkpoint, signed with every key that trust.json names for its size. Raises Halted if one is not at hand.

    Log keys change under the head's lock (``rotation.py``), so what is looked up here holds until the seal is stored.
    """
    with transaction.atomic(durable=True):
        Head.objects.select_for_update().get(pk=1)
        try:
            keys = signers(size)
        except KeyNotAtHand as missing:
            raise Halted(str(missing)) from missing
        note = sign_note(format_checkpoint(CheckpointText(config.origin(), size, root)), keys)
        at = timezone.now()
        row, _ = Checkpoint.objects.get_or_create(size=size, defaults={"root": root, "note": note, "at": at})
    witness.remember(row)
    return row


@transaction.atomic(durable=True)
def _sequence_batch() -> int:
    head, _ = Head.objects.select_for_update().get_or_create(pk=1, defaults={"size": 0, "root": EMPTY_ROOT})
    seqs = store.take_pending(BATCH)
    if seqs:
        _append(head, seqs)
    return len(seqs)


def _close_if(wanted: Callable[[Head, datetime], bool]) -> None:
    """Put a state leaf on top of the log if it is wanted for its head; what waits meanwhile goes above it."""
    while _close(wanted) == "mapped":
        pass


@transaction.atomic(durable=True)
def _close(wanted: Callable[[Head, datetime], bool]) -> str:
    """One transaction of it: ``unwanted``, ``closed``, or ``mapped`` if only a batch of a map far behind was made.

    A map is far behind when the log had leaves before it had a map; then no transaction holds more than a batch.
    """
    head = Head.objects.select_for_update().get(pk=1)
    now = timezone.now()
    if not wanted(head, now):
        return "unwanted"
    with _damage_of_the_map_halts():
        covered = mapping.covered()
        if head.size - covered > mapping.BATCH:
            mapping.advance(covered, covered + mapping.BATCH)
            return "mapped"
        entry = states.record_state(head, now)
    Pending.objects.filter(entry=entry).delete()
    grown = _append(head, [entry.seq])
    State.objects.create(size=grown.size, root=grown.root, entry=entry, at=now)
    states.forget_old_maps()
    return "closed"


@contextmanager
def _damage_of_the_map_halts() -> Iterator[None]:
    try:
        yield
    except Malformed as problem:
        raise Halted(
            f"The map that the log keeps is damaged: {problem}. Nothing is lost: run manage.py verify_map --anew,"
            " and it is made from the entries again."
        ) from problem


def _is_open(head: Head, now: datetime) -> bool:
    return head.size > 0 and not State.objects.filter(pk=head.size).exists()


def _append(head: Head, seqs: Sequence[int]) -> tiles.Appended:
    """Put entries that wait no more on top of the tree whose head is locked, in the caller's transaction."""
    hashes = [leaf_hash(data) for data in store.read_data(seqs)]
    grown = tiles.append(size=head.size, tiles=store.read_tiles(list(tiles.edge(head.size))), leaves=hashes)
    store.insert_leaves(head.size, seqs, hashes)
    store.write_tiles(grown.tiles)
    Head.objects.filter(pk=1).update(size=grown.size, root=grown.root)
    return grown
