"""Ed25519 keys that sign checkpoints, receipts and trust statements.

A private key's one text form is ``PRIVATE+KEY+<name>+<hex key id>+<base64(01 ‖ seed)>``, as the note tools of others
write it: it carries its own name, and a slip of the hand shows at once because the key id no longer fits.
"""

from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.note import ED25519, KEY_ID_SIZE, Verifier, key_name
from anchoring.protocol.scalars import from_base64, from_hex, to_base64

SEED_SIZE = 32

_PREFIX = "PRIVATE+KEY+"


class SigningKey:
    """An Ed25519 private key under a *name*, from its *seed* of 32 bytes."""

    def __init__(self, *, name: str, seed: bytes) -> None:
        assert len(seed) == SEED_SIZE
        self.name = key_name(name)
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"<SigningKey {self.verifier_key}>"

    @property
    def verifier(self) -> Verifier:
        return Verifier(name=self.name, public_key=self.public)

    @property
    def verifier_key(self) -> str:
        """The public text form, for trust files."""
        return str(self.verifier)

    @property
    def text(self) -> str:
        """The private text form: a secret. Nothing but a key file or a secret store should see it."""
        return f"{_PREFIX}{self.name}+{self.verifier.key_id.hex()}+{to_base64(bytes([ED25519]) + self._seed)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Inverse of :attr:`text`. Raises Malformed, with nothing of the secret in the message."""
        rest = text.removeprefix(_PREFIX)
        name, _, tail = rest.partition("+")
        claimed, _, encoded = tail.partition("+")
        if rest == text or not encoded:
            raise Malformed("a private key is written PRIVATE+KEY+<name>+<hex key id>+<base64(01 and seed)>")
        blob = from_base64(encoded, size=1 + SEED_SIZE)
        if blob[0] != ED25519:
            raise Malformed("a private key of an unknown type")
        key = cls(name=name, seed=blob[1:])
        if from_hex(claimed, size=KEY_ID_SIZE) != key.verifier.key_id:
            raise Malformed("the private key's id does not belong to it: it was changed or cut")
        return key

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature; the same message gives the same bytes (RFC 8032)."""
        return self._key.sign(message)


def verify_ed25519(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether *signature* is that of *public_key* over *message*; malformed ones are not."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
