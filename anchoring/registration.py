"""Registering the log on a chain: deploy the contract, register, write it down, publish it."""

import os

from django.db import transaction
from django.utils import timezone

from anchoring import registry
from anchoring.chain import Chain, ChainIdentity, address_of
from anchoring.log import record_housekeeping
from anchoring.models import Registration
from anchoring.protocol.scalars import to_0x
from anchoring.stages import current_registration
from anchoring.trust import publish


def is_registered(chain: Chain) -> bool:
    """Whether the current registration is on this very chain, with its contract still there."""
    current = current_registration()
    return (
        current is not None
        and chain.identity().genesis == bytes(current.genesis)
        and chain.code_hash(bytes(current.contract)) == bytes(current.code_hash)
    )


def register_log(*, chain: Chain, key: bytes, follows: Registration | None = None) -> Registration:
    """Deploy the contract and register this log; writes nothing down before both are mined.

    A crash in between leaves a contract that nobody uses, and running it again deploys another. Raises ChainError.
    """
    identity = chain.identity()
    contract = registry.deploy(chain, key=key).contract
    log_id = registry.register(chain, key=key, contract=contract, salt=os.urandom(32)).log_id
    return _write_down(identity, contract=contract, log_id=log_id, controller=address_of(key), follows=follows)


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
