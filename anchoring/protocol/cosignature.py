"""An auditor's cosignature under a checkpoint: C2SP ``cosignature/v1`` (protocol.md §3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.note import COSIGNATURE, NoteInvalid, Signature, Verifier, Verify, parse_line, split_note

TIME_SIZE = 8
SIGNATURE_SIZE = 64


@dataclass(frozen=True, slots=True)
class Cosigned:
    """Who cosigned, and when they say that it was, in seconds since 1970."""

    verifier: Verifier
    time: int


def message(text: str, time: int) -> bytes:
    """What is signed for the checkpoint's *text*."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def check_cosignature(line: str, text: str, verifiers: Sequence[Verifier], verify: Verify) -> Cosigned:
    """Whose good cosignature *line* (without its newline) is under the checkpoint's *text*.

    Raises NoteInvalid for an unknown key or a wrong signature, Malformed for what is no signature line.
    """
    signature = parse_line(line)
    assert all(verifier.type == COSIGNATURE for verifier in verifiers)
    known = [v for v in verifiers if (v.name, v.key_id) == (signature.name, signature.key_id)]
    if not known:
        raise NoteInvalid("a cosignature by a key that is not known")
    if len(signature.signature) != TIME_SIZE + SIGNATURE_SIZE:
        raise Malformed("not a cosignature")
    time = int.from_bytes(signature.signature[:TIME_SIZE], "big")
    if not verify(known[0].public_key, signature.signature[TIME_SIZE:], message(text, time)):
        raise NoteInvalid(f"the cosignature of {signature.name} is wrong")
    return Cosigned(known[0], time)


def with_cosignatures(note: str, lines: Iterable[str]) -> str:
    """The *note* with cosignature *lines* under its own, in the one order there is. Raises Malformed."""
    whole = note + "".join(f"{line}\n" for line in sorted(lines, key=_order))
    split_note(whole)
    return whole


def _order(line: str) -> tuple[str, bytes]:
    signature: Signature = parse_line(line)
    return signature.name, signature.key_id
