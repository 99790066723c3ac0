"""After a restore: another look at the chain, the whole comparison in words, and going on in public after a loss."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from anchoring import registry, restore, witness
from anchoring.chain import Chain, ChainError
from anchoring.fsck.chain import HeadUnknown, NotChecked, check_chain
from anchoring.models import Anchor, Checkpoint, Registration, Tick
from anchoring.protocol.scalars import to_0x
from anchoring.record.record import record_housekeeping
from anchoring.registration import register_log
from anchoring.routes import controllers
from anchoring.stages import current_registration

OTHERS = 1_000  # with how many of our newest checkpoints a strange head on chain is compared
MAX_WORDS = 200


class NothingLost(Exception):  # noqa: N818 - what the caller wanted is not needed
    """A loss can be recorded only while the gate is closed."""


@dataclass(frozen=True)
class Verdict:
    """``reason`` is the gate's, empty if the log may go on; ``chain`` says what the chain had to say.

    ``is_silent``: the log is registered, but its chain did not answer.
    """

    reason: str
    chain: str
    is_silent: bool = False


def look(*, chain: Chain) -> Verdict:
    """The gate after another look at the chain, which is kept for the gate. A silent chain changes nothing.

    If it agrees, the witness remembers the newest checkpoint, which opens a gate that only waited for somebody's word.
    """
    try:
        findings = list(check_chain(chain=chain))
        strange = any(isinstance(finding, HeadUnknown) for finding in findings) and not _signed_here(chain)
    except (NotChecked, ChainError) as silence:
        return Verdict(restore.gate(), f"not asked: {silence}", is_silent=current_registration() is not None)
    now, problem = timezone.now(), restore.CHAIN_AHEAD if strange else ""
    Tick.objects.update_or_create(
        step=restore.STEP, defaults={"ran_at": now, "problem": problem, "went_well_at": None if strange else now}
    )
    said = " ".join(f"{finding}." for finding in findings) or "it holds what our rows say"
    catch_up()
    return Verdict(restore.gate(), said)


def catch_up() -> None:
    """Let the witness remember the newest checkpoint if it does not, and nothing speaks against it.

    For a caller who has asked somebody outside: the chain, or the holder of a copy.
    """
    newest = Checkpoint.objects.order_by("-size").first()
    if newest is not None and restore.gate() in ("", restore.UNWITNESSED) and witness.is_behind(newest):
        witness.remember(newest)


def record_loss(words: str, *, chain: Chain, key: bytes) -> Registration:
    """Go on from what this database holds, in public: a new log id on chain, and an entry that says what was lost.

    ``words``, at most 200 characters and nothing personal, stand in that entry for ever. A crash in between is made
    good by running it again. Raises NothingLost, ChainError, and OSError when the witness cannot be written.
    """
    if not restore.gate():
        raise NothingLost("Nothing is missing: the log may go on, and there is no loss to record.")
    lost = max((signed for _, signed in restore.remembered()), key=lambda signed: signed.size, default=None)
    held = restore.database([])
    registration = register_log(chain=chain, key=key)
    data: dict[str, str | int] = {"held_size": held.size, "held_root": to_0x(held.root), "reason": words[:MAX_WORDS]}
    if lost is not None:
        data |= {"lost_size": lost.size, "lost_root": to_0x(lost.root)}
    with transaction.atomic(durable=True):
        record_housekeeping(kind="log.lost", at=timezone.now(), data=data)
        Tick.objects.filter(step=restore.STEP).delete()
    witness.void(words)
    return registration


def _signed_here(chain: Chain) -> bool:
    """Whether the chain's head is a checkpoint that this database holds: then only rows of anchors are missing."""
    registration = current_registration()
    assert registration is not None
    word = chain.head(bytes(registration.contract), bytes(registration.log_id))
    anchored = Anchor.objects.filter(registration=registration).order_by("-checkpoint").values("checkpoint")[:1]
    later = Checkpoint.objects.filter(size__gt=next((row["checkpoint"] for row in anchored), 0)).order_by("-size")
    return any(
        word == registry.head_word(controller=hand, size=size, root=bytes(root))
        for hand in controllers(registration) for size, root in later.values_list("size", "root")[:OTHERS]
    )  # fmt: skip
