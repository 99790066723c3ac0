"""The proof of record, one file that can be checked without us, and its tlog-proofs (protocol.md §7, §3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from anchoring.protocol import canonical
from anchoring.protocol.anchor import Anchor, encode_anchor, parse_anchor
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.checkpoint import parse_checkpoint
from anchoring.protocol.disclosure import digest, parse_disclosure
from anchoring.protocol.entry import Entry, format_time, parse_entry
from anchoring.protocol.history import (
    History,
    SealedState,
    encode_history,
    encode_state_place,
    parse_history,
    parse_not_before,
)
from anchoring.protocol.merkle import MAX_HASHES, MAX_SIZE
from anchoring.protocol.note import split_note
from anchoring.protocol.scalars import (
    decimal,
    from_base64,
    items,
    members,
    natural,
    string,
    to_base64,
)

FORMAT = "proof-of-record/v1"
TLOG_PROOF = "c2sp.org/tlog-proof@v1"

MAX_ENTRIES = 10_000
MAX_BYTES = 64 * 2**20  # bounds the work that a hostile file can ask for

_REQUIRED = frozenset({"checksum", "entries", "format"})
_OPTIONAL = frozenset({"anchor", "checkpoint", "history", "not_before"})


@dataclass(frozen=True, slots=True)
class ProvedEntry:
    """An entry's bytes, the disclosures shown with it, and, once sealed, its index and path in the log."""

    entry: bytes
    disclosures: tuple[str, ...] = ()
    index: int | None = None
    path: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof's content in its canonical order. *checkpoint* is the signed note, verbatim."""

    entries: tuple[ProvedEntry, ...]
    checkpoint: str | None = None
    anchor: Anchor | None = None
    history: History | None = None
    not_before: SealedState | None = None


@dataclass(frozen=True, slots=True)
class TlogProof:
    """One entry's place in the log, for the tools of others."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str


# The document --------------------------------------------------------------------------------------------------------


def encode_proof(
    *,
    entries: Iterable[ProvedEntry],
    checkpoint: str | None = None,
    anchor: Anchor | None = None,
    history: History | None = None,
    not_before: SealedState | None = None,
) -> bytes:
    """The file's bytes; *entries* and their disclosures may come in any order. Raises Malformed for what is no proof.

    The same record, checkpoint, anchor and disclosures give the same bytes.
    """
    document: dict[str, Any] = {"entries": [_encode_entry(entry) for entry in _sorted(entries)], "format": FORMAT}
    if checkpoint is not None:
        document["checkpoint"] = checkpoint
    if anchor is not None:
        document["anchor"] = encode_anchor(anchor)
    if history is not None:
        document["history"] = encode_history(history)
    if not_before is not None:
        document["not_before"] = encode_state_place(not_before)
    _parse_document(document)
    return canonical.dumps(document | {"checksum": _checksum(document)})


def parse_proof(data: bytes) -> Proof:
    """Inverse of :func:`encode_proof`: schema, order and checksum hold, and every disclosure is the one recorded.

    Nothing is said about the log, the signatures or the chain. Raises Malformed.
    """
    document = canonical.loads(data, limit=MAX_BYTES)
    members(document, _REQUIRED, _OPTIONAL)
    body = {name: value for name, value in document.items() if name != "checksum"}
    if document["checksum"] != _checksum(body):
        raise Malformed("the checksum does not fit: the file is damaged")
    return _parse_document(body)


def _checksum(body: dict[str, Any]) -> str:
    return sha256(canonical.dumps(body)).hexdigest()


def _parse_document(body: dict[str, Any]) -> Proof:
    """The content of a document without its checksum."""
    if body["format"] != FORMAT:
        raise Malformed("a file of another format")
    entries = tuple(_parse_entry(value) for value in items(body["entries"], most=MAX_ENTRIES))
    indexes = [proved.index for proved in entries if proved.index is not None]
    if "history" not in body or entries:
        _check_entries([parse_entry(proved.entry) for proved in entries])
    if "history" in body and len(set(indexes)) != len(entries):
        raise Malformed("a history of entries that have no index of their own")
    if (bool(indexes) or "history" in body) != ("checkpoint" in body):
        raise Malformed("a checkpoint stands where, and only where, an entry has an index")
    if "anchor" in body and "checkpoint" not in body:
        raise Malformed("an anchor without a checkpoint")
    return Proof(
        entries=entries,
        checkpoint=_parse_note(body["checkpoint"]) if "checkpoint" in body else None,
        anchor=parse_anchor(body["anchor"]) if "anchor" in body else None,
        history=parse_history(body["history"]) if "history" in body else None,
        not_before=parse_not_before(body["not_before"], indexes) if "not_before" in body else None,
    )


def _check_entries(entries: list[Entry]) -> None:
    if not entries:
        raise Malformed("a proof of nothing")
    if len({entry.subject for entry in entries}) != 1:
        raise Malformed("entries of more than one subject")
    keys = [_order(entry) for entry in entries]
    if any(later <= earlier for earlier, later in zip(keys, keys[1:], strict=False)):
        raise Malformed("entries out of order")


def _order(entry: Entry) -> tuple[str, str]:
    return format_time(entry.at), entry.id


def _sorted(entries: Iterable[ProvedEntry]) -> list[ProvedEntry]:
    return sorted(entries, key=lambda proved: _order(parse_entry(proved.entry)))


def _encode_entry(proved: ProvedEntry) -> dict[str, Any]:
    document: dict[str, Any] = {
        "disclosures": sorted(proved.disclosures, key=lambda text: parse_disclosure(text).name),
        "entry": proved.entry.decode(),
    }
    if proved.index is not None:
        document["index"] = proved.index
    if proved.path is not None:
        document["path"] = [to_base64(value) for value in proved.path]
    return document


def _parse_entry(value: Any) -> ProvedEntry:
    sealed = {"index", "path"} if isinstance(value, dict) and "index" in value else set()
    members(value, {"disclosures", "entry"} | sealed)
    encoded = string(value["entry"]).encode()
    entry = parse_entry(encoded)
    shown = tuple(string(text) for text in items(value["disclosures"], most=len(entry.fields)))
    _check_disclosures(entry, shown)
    if not sealed:
        return ProvedEntry(entry=encoded, disclosures=shown)
    path = items(value["path"], most=MAX_HASHES)
    return ProvedEntry(
        entry=encoded,
        disclosures=shown,
        index=natural(value["index"]),
        path=tuple(from_base64(text, size=32) for text in path),
    )


def _check_disclosures(entry: Entry, shown: Sequence[str]) -> None:
    names = [parse_disclosure(text).name for text in shown]
    if any(later <= earlier for earlier, later in zip(names, names[1:], strict=False)):
        raise Malformed("disclosures out of order")
    for name, text in zip(names, shown, strict=True):
        if entry.fields.get(name) != digest(text):
            raise Malformed(f"{name} is not what was recorded")


def _parse_note(value: Any) -> str:
    """*value* if it is a note over a checkpoint; who signed it is not looked at."""
    text, _ = split_note(string(value))
    parse_checkpoint(text)
    return string(value)


# One entry, for other tools ------------------------------------------------------------------------------------------


def tlog_proof(index: int, path: Sequence[bytes], checkpoint_note: str) -> str:
    """The C2SP tlog-proof of one entry: its index, its path from the leaf's sibling on, and the signed checkpoint."""
    assert 0 <= index < MAX_SIZE and len(path) <= MAX_HASHES
    lines = [TLOG_PROOF, f"index {index}", *(to_base64(value) for value in path)]
    return "\n".join(lines) + "\n\n" + _parse_note(checkpoint_note)


def parse_tlog_proof(text: str) -> TlogProof:
    """Inverse of :func:`tlog_proof`; the optional ``extra`` line, which nothing authenticates, is refused too."""
    head, _, note = text.partition("\n\n")
    magic, _, rest = head.partition("\n")
    index, *path = rest.split("\n", MAX_HASHES + 1)
    if magic != TLOG_PROOF or not index.startswith("index ") or len(path) > MAX_HASHES:
        raise Malformed("not a tlog-proof")
    return TlogProof(
        index=decimal(index.removeprefix("index ")),
        path=tuple(from_base64(value, size=32) for value in path),
        checkpoint=_parse_note(note),
    )
