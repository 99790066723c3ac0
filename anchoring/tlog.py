"""One entry's place in the log as a C2SP tlog-proof, for the tools of others (docs/protocol.md §3)."""

import uuid
from dataclasses import dataclass

from anchoring.models import Entry
from anchoring.openings import Subject
from anchoring.proofs import NoSuchRecord, proof
from anchoring.protocol.entry import parse_entry
from anchoring.protocol.proof import parse_proof, tlog_proof


class NotSealed(LookupError):
    """The entry has no place in the log yet: ask again in some seconds."""


@dataclass(frozen=True)
class Placed:
    """``text`` is the tlog-proof; ``entry`` the bytes that it is about, which whoever checks it must have as well."""

    entry: bytes
    text: str


def place(subject: Subject, *, entry: uuid.UUID | None = None) -> Placed:
    """The place of the entry with that id, or of the subject's first one, under the checkpoint of its proof of record.

    Shows nothing but hashes. Raises NoSuchRecord, also for another subject's entry, and NotSealed.
    """
    wanted = entry or _first(subject)
    made = parse_proof(proof(subject, owners=(), entries=[wanted]))
    [proved] = [item for item in made.entries if parse_entry(item.entry).id == str(wanted)]
    if made.checkpoint is None or proved.index is None or proved.path is None:
        raise NotSealed("This record has no seal yet. Sealing takes seconds: ask again soon.")
    return Placed(proved.entry, tlog_proof(proved.index, proved.path, made.checkpoint))


def _first(subject: Subject) -> uuid.UUID:
    entries = Entry.objects.filter(subject_type=subject.type, subject_id=subject.id).order_by("seq")
    found = entries.values_list("id", flat=True).first()
    if found is None:
        raise NoSuchRecord(f"nothing is recorded of {subject.type} {subject.id}")
    return found
