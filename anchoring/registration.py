"""Registering the log on a chain: deploy the contract, register, write it down, publish it."""

from functools import partial
from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from anchoring import config, registry
from anchoring.chain import NO_HEAD, Chain, ChainIdentity, address_of
from anchoring.models import Registration
from anchoring.protocol.scalars import to_0x
from anchoring.record.record import record_housekeeping
from anchoring.routes import reserve
from anchoring.stages import current_registration
from anchoring.trust import publish, require_signer


def is_registered(chain: Chain) -> bool:
    """Whether the current registration is on this very chain, with its contract still there."""
    current = current_registration()
    return (
        current is not None
        and chain.identity().genesis == bytes(current.genesis)
        and chain.code_hash(bytes(current.contract)) == bytes(current.code_hash)
    )


def register_log(*, chain: Chain, key: bytes, follows: Registration | None = None) -> Registration:
    """Deploy the contract and register this log; writes nothing down before both are mined. Raises ChainError, and
    KeyNotAtHand before anything is sent.

    After a crash in between, running it again finds what was mined: the contract if a factory made it, the log id if it
    is still empty. Without a factory another contract is deployed, and the first one is used by nobody.
    """
    require_signer()
    identity = chain.identity()
    noting = partial(_reserve, identity.genesis)
    contract = registry.deploy(chain, key=key, reserve=noting).contract
    salt = _free_salt(chain, identity, contract=contract, controller=address_of(key))
    log_id = registry.register(chain, key=key, contract=contract, salt=salt, reserve=noting).log_id
    return _write_down(identity, contract=contract, log_id=log_id, controller=address_of(key), follows=follows)


def _free_salt(chain: Chain, identity: ChainIdentity, *, contract: bytes, controller: bytes) -> bytes:
    """The first salt of this log in that contract whose log id is unknown there, or empty and written down nowhere.

    It begins after the registrations that were written down; a database that has forgotten some skips what they used.
    """
    empty = registry.head_word(controller=controller, size=0, root=registry.EMPTY_ROOT)
    number = Registration.objects.filter(genesis=identity.genesis, contract=contract).count()
    while True:
        salt = _salt(identity, contract=contract, number=number)
        if chain.head(contract, registry.log_id(controller=controller, salt=salt)) in (NO_HEAD, empty):
            return salt
        number += 1


def _salt(identity: ChainIdentity, *, contract: bytes, number: int) -> bytes:
    """The same each time, so that a second run meets the log id of the first; ``number`` tells registrations apart."""
    place = identity.genesis + contract + number.to_bytes(8, "big")
    return sha256(b"registration/v1\0" + config.origin().encode() + b"\0" + place).digest()


@transaction.atomic(durable=True)
def _reserve(genesis: bytes, sender: bytes, nonce: int) -> None:
    """Note in a commit of its own that the nonce is ours."""
    reserve(genesis, sender, nonce)


@transaction.atomic(durable=True)
def _write_down(
    identity: ChainIdentity, *, contract: bytes, log_id: bytes, controller: bytes, follows: Registration | None
) -> Registration:
    """The row, its ``log.registered`` entry and the new version of trust.json in one commit."""
    at = timezone.now()
    code_hash = registry.artefact().code_hash
    row = Registration.objects.create(
        chain_id=identity.chain_id, genesis=identity.genesis, contract=contract, code_hash=code_hash, log_id=log_id,
        controller=controller, follows=follows, at=at,
    )  # fmt: skip
    data: dict[str, str | int] = {
        "chain_id": identity.chain_id, "genesis": to_0x(identity.genesis), "contract": to_0x(contract),
        "code_hash": to_0x(code_hash), "log_id": to_0x(log_id),
    }  # fmt: skip
    record_housekeeping(kind="log.registered", at=at, data=data)
    publish()
    return row
