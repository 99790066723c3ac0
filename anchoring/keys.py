"""Ed25519 keys that sign checkpoints, receipts and trust statements."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anchoring.protocol.note import Verifier, key_name

SEED_SIZE = 32


class SigningKey:
    """An Ed25519 private key under a *name*, from its *seed* of 32 bytes."""

    def __init__(self, *, name: str, seed: bytes) -> None:
        assert len(seed) == SEED_SIZE
        self.name = key_name(name)
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
