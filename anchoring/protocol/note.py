"""Signed notes as in C2SP signed-note: a text and the lines of those who sign it (protocol.md §3).

Signing and verifying themselves are the caller's: a :class:`Signer`, and a function ``verify(public_key, signature,
message) -> bool`` for Ed25519.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, Self

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.scalars import from_base64, from_hex, to_base64

Verify = Callable[[bytes, bytes, bytes], bool]

ED25519 = 1
COSIGNATURE = 4

MAX_BYTES = 100_000
MAX_SIGNATURES = 100
KEY_ID_SIZE = 4
PUBLIC_KEY_SIZE = 32

_DASH = "\u2014"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteInvalid(Malformed):
    """The note is well formed, but not signed as it must be."""


class Signer(Protocol):
    """Whoever signs a note with Ed25519 under a name."""

    @property
    def name(self) -> str: ...

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


def key_id(name: str, public_key: bytes, type: int = ED25519) -> bytes:
    """Four bytes that tell the keys of one name apart. They identify; they do not authenticate."""
    return sha256(name.encode() + b"\n" + bytes([type]) + public_key).digest()[:KEY_ID_SIZE]


def key_name(name: str) -> str:
    """*name* if a key may be called so, else Malformed."""
    if not name or "+" in name or _CONTROL.search(name) or any(character.isspace() for character in name):
        raise Malformed("not a name for a key")
    _utf8(name)
    return name


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with the name and the signature type that it stands for."""

    name: str
    public_key: bytes
    type: int = ED25519

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public_key, self.type)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.type]) + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Inverse of ``str()``; the key id is computed anew and must be the one that stands there. Raises Malformed."""
        name, _, rest = text.partition("+")
        claimed, _, encoded = rest.partition("+")
        key = from_base64(encoded, size=1 + PUBLIC_KEY_SIZE)
        verifier = cls(name=key_name(name), public_key=key[1:], type=key[0])
        if verifier.type not in (ED25519, COSIGNATURE):
            raise Malformed("a key of an unknown type")
        if from_hex(claimed, size=KEY_ID_SIZE) != verifier.key_id:
            raise Malformed("the key id does not belong to the key")
        return verifier


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose it says it is, and what was signed with."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A note whose signatures by known keys are all good: its text, and those signatures."""

    text: str
    signatures: tuple[Signature, ...]


def sign_note(text: str, signers: Iterable[Signer]) -> str:
    """The note over *text*, which ends in a newline, with one line for each of *signers*, in their order."""
    assert text.endswith("\n") and not _CONTROL.search(text), "not a text for a note"
    message = text.encode()
    note = text + "\n" + "".join([_signature_line(signer, message) for signer in signers])
    split_note(note)
    return note


def open_note(note: str, verifiers: Sequence[Verifier], verify: Verify) -> Opened:
    """The text of *note*, once every signature by one of *verifiers* holds and at least one is there.

    Lines of other keys are ignored, whatever they hold. Raises NoteInvalid, or Malformed for what is no note.
    """
    text, signatures = split_note(note)
    known = _by_id(verifiers)
    message = text.encode()
    good = tuple(line for line in signatures if (line.name, line.key_id) in known)
    for line in good:
        if not verify(known[line.name, line.key_id].public_key, line.signature, message):
            raise NoteInvalid(f"the signature of {line.name} is wrong")
    if not good:
        raise NoteInvalid("no signature by a known key")
    return Opened(text=text, signatures=good)


def split_note(note: str) -> tuple[str, tuple[Signature, ...]]:
    """The text and the signature lines of *note*, none of them verified. Raises Malformed."""
    if len(note) > MAX_BYTES or len(_utf8(note)) > MAX_BYTES:
        raise Malformed(f"a note of more than {MAX_BYTES} bytes")
    if _CONTROL.search(note):
        raise Malformed("a control character in the note")
    text, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise Malformed("no signatures under the text")
    if block.count("\n") > MAX_SIGNATURES:
        raise Malformed(f"more than {MAX_SIGNATURES} signatures")
    # Not splitlines(): that splits at ten characters, and only one of them ends a line here.
    return text + "\n", tuple(parse_line(line) for line in block[:-1].split("\n"))


def _signature_line(signer: Signer, message: bytes) -> str:
    blob = key_id(signer.name, signer.public) + signer.sign(message)
    return f"{_DASH} {key_name(signer.name)} {to_base64(blob)}\n"


def parse_line(line: str) -> Signature:
    """A signature line without its newline; nothing is verified. Raises Malformed."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH:
        raise Malformed("not a signature line")
    blob = from_base64(parts[2])
    if len(blob) <= KEY_ID_SIZE:
        raise Malformed("a signature line without a signature")
    return Signature(name=key_name(parts[1]), key_id=blob[:KEY_ID_SIZE], signature=blob[KEY_ID_SIZE:])


def _by_id(verifiers: Sequence[Verifier]) -> dict[tuple[str, bytes], Verifier]:
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        assert verifier.type == ED25519, "cosignatures sign another message"
        # Key ids have 32 bits: two keys that share one cannot be told apart by a line.
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise NoteInvalid(f"two keys of {verifier.name} share an id")
    return known


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("not UTF-8") from error
