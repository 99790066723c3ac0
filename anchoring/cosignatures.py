"""Auditors' cosignatures: taken if they verify, kept beside the checkpoint, shown under it (docs/protocol.md §12)."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef
from django.utils import timezone

from anchoring.keys import verify_ed25519
from anchoring.models import Anchor, Checkpoint, Cosignature
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.cosignature import check_cosignature, with_cosignatures
from anchoring.protocol.note import Verifier, split_note
from anchoring.trust import auditors


class CosignatureRefused(ValueError):  # noqa: N818 - reads as what it is
    """The line is not taken; the text says why."""


def accept_cosignature(size: int, line: str) -> Cosignature:
    """Keep an auditor's ``line`` under the checkpoint of ``size``; sent again, the row that is there.

    The auditor is one of the newest trust version, and keeps the first line that they sent. Raises CosignatureRefused.
    """
    checkpoint = Checkpoint.objects.filter(pk=size).first()
    if checkpoint is None:
        raise CosignatureRefused(f"There is no checkpoint of size {size}.")
    text, _ = split_note(checkpoint.note)
    try:
        stripped = line.removesuffix("\n")
        cosigned = check_cosignature(stripped, text, auditors(), verify_ed25519)
        auditor = _label(cosigned.verifier)
        with_cosignatures(checkpoint.note, [*_lines(checkpoint).values(), stripped])  # there is room for it
    except Malformed as problem:
        raise CosignatureRefused(f"The line was not taken: {problem}.") from problem
    row, _ = Cosignature.objects.get_or_create(
        checkpoint=checkpoint, auditor=auditor, defaults={"line": stripped, "at": timezone.now()}
    )
    return row


def cosigned_note(checkpoint: Checkpoint) -> str:
    """The checkpoint as files carry it: its own note, then the lines of its auditors. One query."""
    return with_cosignatures(checkpoint.note, _lines(checkpoint).values())


@dataclass(frozen=True)
class Recomputed:
    """How far one auditor has come: their ``newest`` cosignature, None before the first; and whether it is anchored."""

    name: str
    key_id: str
    newest: Cosignature | None
    is_anchored: bool


def recomputed(known: Sequence[Verifier]) -> list[Recomputed]:
    """For each of the auditors that are known, up to where they recomputed the log. One query for each."""
    return [_recomputed(auditor) for auditor in known]


def under(checkpoint: Checkpoint) -> list[Cosignature]:
    """The cosignatures of one checkpoint, by auditor. One query."""
    return list(Cosignature.objects.filter(checkpoint=checkpoint).order_by("auditor"))


def _recomputed(auditor: Verifier) -> Recomputed:
    anchors = Anchor.objects.filter(checkpoint=OuterRef("checkpoint"))
    theirs = Cosignature.objects.filter(auditor=_label(auditor)).annotate(anchored=Exists(anchors))
    newest = theirs.order_by("-checkpoint").first()
    return Recomputed(auditor.name, auditor.key_id.hex(), newest, newest is not None and newest.anchored)


def _label(verifier: Verifier) -> str:
    return f"{verifier.name}+{verifier.key_id.hex()}"


def _lines(checkpoint: Checkpoint) -> dict[str, str]:
    return dict(Cosignature.objects.filter(checkpoint=checkpoint).values_list("auditor", "line"))
