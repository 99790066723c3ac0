"""Encryption per person: each owner has a data key, wrapped by a key that is kept outside every database.

Whatever concerns a person is sealed under that person's key; destroying the key destroys the content everywhere at once
(backups of the vault excepted, until they expire). AES-256-GCM-SIV (RFC 8452) with a random 12-byte nonce in front;
AES key wrap (RFC 3394) for the data keys. A new key is durable in the vault before anything sealed under it commits:
the vault is another database, so its insert commits on its own.
"""

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from django.conf import settings
from django.utils import timezone

from anchoring.models import DataKey

HOUSE = "house"
NONCE_BYTES = 12
CACHED_KEYS = 1000
CACHED_SECONDS = 60.0


class VaultError(Exception):
    """The sealed content cannot be had; the message says why."""


class KeyDestroyed(VaultError):
    """The owner's data key was destroyed: the content is gone for good, as asked."""


class Unreadable(VaultError):
    """The content was changed, belongs elsewhere, or the wrapping key is not the one it was sealed under."""


class WrongVaultKey(Unreadable):
    """Nothing opens: VAULT_KEY is not the key the vault was made with. Never to be taken for damage to one part."""


def seal(owner: str, plaintext: bytes, *, context: bytes) -> bytes:
    """Encrypt for ``owner``, bound to ``context`` (associated data): nonce ‖ ciphertext ‖ tag, 28 bytes longer.

    Makes the owner's key when there is none. Raises KeyDestroyed for an owner whose key was destroyed.
    """
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _sealing_cipher(owner).encrypt(nonce, plaintext, context)


def unseal(owner: str, sealed: bytes, *, context: bytes) -> bytes:
    """Decrypt; always asks the vault, so that a destroyed key is refused at once. Raises VaultError."""
    return unseal_many(owner, [(sealed, context)])[0]


def unseal_many(owner: str, parts: list[tuple[bytes, bytes]]) -> list[bytes]:
    """Decrypt several (sealed, context) of one owner with one look at the vault."""
    opened = unseal_each([(owner, sealed, context) for sealed, context in parts])
    plain = []
    for part in opened:
        if isinstance(part, VaultError):
            raise part
        plain.append(part)
    return plain


def unseal_each(parts: Sequence[tuple[str, bytes, bytes]]) -> list[bytes | VaultError]:
    """Decrypt many (owner, sealed, context) with one look at the vault; what cannot be had is given as its error."""
    keys = DataKey.objects.in_bulk({owner for owner, _, _ in parts})
    ciphers = {owner: _cipher_or_error(keys[owner]) for owner in keys}
    return [_opened(owner, ciphers.get(owner), sealed, context) for owner, sealed, context in parts]


def destroy(owner: str) -> None:
    """Destroy the owner's data key. What was sealed under it can never be read again; no new key is ever made."""
    now = timezone.now()
    _sealing.pop(owner, None)
    if not DataKey.objects.filter(owner=owner, wrapped__isnull=False).update(wrapped=None, destroyed_at=now):
        DataKey.objects.get_or_create(owner=owner, defaults={"wrapped": None, "made_at": now, "destroyed_at": now})


def destroyed_among(owners: Collection[str]) -> set[str]:
    """Those of the owners whose data key was destroyed."""
    gone = DataKey.objects.filter(owner__in=owners, wrapped__isnull=True)
    return set(gone.values_list("owner", flat=True))


def forget_cached_keys() -> None:
    """Drop the data keys that this process holds in memory."""
    _sealing.clear()


# Keys for sealing are held for a minute: a request then seals without a query. Sealing under a key destroyed meanwhile
# in another process only makes content that nobody can read, which is what was asked for.
_sealing: OrderedDict[str, tuple[AESGCMSIV, float]] = OrderedDict()


def _sealing_cipher(owner: str) -> AESGCMSIV:
    held = _sealing.get(owner)
    if held is not None and held[1] > time.monotonic():
        return held[0]
    cipher = AESGCMSIV(_unwrapped(_find_or_make(owner)))
    _sealing[owner] = (cipher, time.monotonic() + CACHED_SECONDS)
    while len(_sealing) > CACHED_KEYS:
        _sealing.popitem(last=False)
    return cipher


def _find_or_make(owner: str) -> DataKey:
    new = {"wrapped": _new_wrapped_key, "made_at": timezone.now}  # called only when there is none
    return DataKey.objects.get_or_create(owner=owner, defaults=new)[0]


def _new_wrapped_key() -> bytes:
    return aes_key_wrap(_wrapping_key(settings.VAULT_KEY), os.urandom(32))


def _cipher_or_error(key: DataKey) -> AESGCMSIV | VaultError:
    try:
        return AESGCMSIV(_unwrapped(key))
    except VaultError as error:
        return error


def _opened(owner: str, cipher: AESGCMSIV | VaultError | None, sealed: bytes, context: bytes) -> bytes | VaultError:
    if cipher is None:
        return Unreadable(f"the vault holds no key of {owner}")
    if isinstance(cipher, VaultError):
        return cipher
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except (InvalidTag, ValueError):
        return Unreadable(f"content sealed for {owner} does not open: it was changed or moved")


def _unwrapped(key: DataKey) -> bytes:
    if key.wrapped is None:
        raise KeyDestroyed(f"the key of {key.owner} was destroyed on {key.destroyed_at:%Y-%m-%d}")
    try:
        return aes_key_unwrap(_wrapping_key(settings.VAULT_KEY), bytes(key.wrapped))
    except InvalidUnwrap as error:
        raise WrongVaultKey("VAULT_KEY is not the key that the vault was made with") from error


@lru_cache
def _wrapping_key(text: str) -> bytes:
    """The key-wrapping key: SHA-256 of a secret with at least 256 bits of randomness, under a name of its own."""
    return hashlib.sha256(b"touchstone vault/v1\x00" + text.encode()).digest()
