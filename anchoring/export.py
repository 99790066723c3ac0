"""Every proof of the log as files in a folder: for holders, for safe keeping, and before a chain is left behind.

Beside them lie trust.json, verify.py and a word on how to use them: the folder can be checked without us.

An export that stopped goes on where it was: a file that shows the subject's whole history under the registration that
counts now is left alone. Files appear whole or not at all, and only their owner can read them.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anchoring import verify
from anchoring.models import Entry, Registration
from anchoring.openings import Subject
from anchoring.proofs import proof
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.proof import parse_proof
from anchoring.stages import current_registration
from anchoring.trust import trust_file

README = b"""Proofs of record. Each *.proof.json shows one record; check one with Python 3.9 or newer:

    python3 verify.py NAME.proof.json --trust trust.json

trust.json holds the public keys to believe. That they are the right ones is so far this folder's word alone: add
--fingerprint "..." with the fingerprint that stands on your papers, or that somebody whom you trust gives you.
verify.py --help names the rest, such as --rpc URL, which asks a node of the chain that you choose.
The proofs show what was recorded in clear. Keep this folder as you keep private papers.
"""


@dataclass(frozen=True)
class Exported:
    """One subject's file; ``written`` is false if it was there already, ``anchored`` if all it shows is anchored."""

    path: Path
    written: bool
    anchored: bool


def subjects(*, owner: str | None = None) -> list[Subject]:
    """Every subject of the log but its own housekeeping, or those that hold facts about one owner; in fixed order."""
    entries = Entry.objects.exclude(subject_type="log")
    if owner is not None:
        entries = entries.filter(openings__owner=owner)
    names = entries.values_list("subject_type", "subject_id").distinct().order_by("subject_type", "subject_id")
    return [Subject(subject_type, subject_id) for subject_type, subject_id in names]


def export(folder: Path, wanted: list[Subject], *, owner: str | None = None) -> Iterator[Exported]:
    """Write one file a subject, with everybody's facts or one owner's, and what checks them. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in _beside().items():
        _write(folder / name, content)
    registration = current_registration()
    for subject in wanted:
        path = folder / f"{subject.type}-{subject.id}.proof.json"
        entries = Entry.objects.filter(subject_type=subject.type, subject_id=subject.id).count()
        whole = _whole(path, entries, registration)
        if not whole:
            _write(path, proof(subject, owners=None if owner is None else [owner]))
        yield Exported(path, written=not whole, anchored=whole or _whole(path, entries, registration))


def _beside() -> dict[str, bytes]:
    """What lies in the folder beside the proofs."""
    return {"README.txt": README, "trust.json": trust_file(), "verify.py": Path(verify.__file__).read_bytes()}


def _whole(path: Path, entries: int, registration: Registration | None) -> bool:
    """Whether the file shows so many entries, all of them anchored under that registration."""
    try:
        shown = parse_proof(path.read_bytes())
    except (FileNotFoundError, Malformed):
        return False
    anchor = shown.anchor
    return (
        anchor is not None
        and registration is not None
        and anchor.log_id == bytes(registration.log_id)
        and len(shown.entries) == entries
        and all(entry.index is not None for entry in shown.entries)
    )


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
