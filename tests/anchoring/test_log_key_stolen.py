"""The drill: somebody has the log key. What they can do with it, what not, and what the procedure takes from them."""

from dataclasses import dataclass

import pytest
from django.test import override_settings

from anchoring import config, log, registry, rotation, trust, verify
from anchoring.chain import Call, CallReverted, address_of
from anchoring.keys import SigningKey, verify_ed25519
from anchoring.models import Checkpoint, Confirmation, Entry, Registration
from anchoring.protocol.anchor import Anchor, Locator
from anchoring.protocol.checkpoint import Checkpoint as CheckpointText
from anchoring.protocol.checkpoint import format_checkpoint
from anchoring.protocol.disclosure import digest, disclose
from anchoring.protocol.entry import encode_entry, parse_entry
from anchoring.protocol.merkle import leaf_hash, prove_inclusion
from anchoring.protocol.note import sign_note
from anchoring.protocol.proof import ProvedEntry, encode_proof, parse_proof
from anchoring.protocol.tiles import TileReader, append
from anchoring.protocol.trust import LogKey, encode_trust, fingerprint, next_statement, parse_trust, sign_statement
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_subject, anchor_all, note, notes, register
from tests.anchoring.memory_chain import MemoryChain

pytestmark = pytest.mark.django_db

STOLEN, FRESH, THIEFS = "22" * 32, "55" * 32, "66" * 32
THIEFS_CHAIN_KEY = bytes.fromhex("77" * 32)


def key(seed: str) -> SigningKey:
    return SigningKey(name=config.origin(), seed=bytes.fromhex(seed))


@dataclass(frozen=True)
class Forged:
    """Another history of the log, in which alice wrote something else, of a size of the thief's choice."""

    size: int
    root: bytes
    proved: ProvedEntry
    checkpoint: str

    def file(self, anchor: Anchor | None = None) -> bytes:
        return encode_proof(entries=[self.proved], checkpoint=self.checkpoint, anchor=anchor)


def forge(size: int, seed: str = STOLEN) -> Forged:
    """Alice's first entry with another text, put among the log's true entries, filled up with lies to ``size``."""
    true = Entry.objects.filter(kind="thing.noted").select_related("leaf").order_by("seq").first()
    told = {name: disclose(name, value) for name, value in {"number": "N-1", "text": "The sun shone."}.items()}
    entry = parse_entry(bytes(true.data))
    lie = encode_entry(
        at=entry.at, id=entry.id, kind=entry.kind, subject=entry.subject,
        fields={name: digest(text) for name, text in told.items()},
    )  # fmt: skip
    leaves = [bytes(e.leaf.hash) for e in Entry.objects.filter(leaf__isnull=False).order_by("leaf__index")][:size]
    leaves += [leaf_hash(b"a lie %d" % number) for number in range(size - len(leaves))]
    leaves[true.leaf.index] = leaf_hash(lie)
    tree = append(size=0, tiles={}, leaves=leaves)
    path = prove_inclusion(index=true.leaf.index, size=size, read=TileReader(lambda wanted: tree.tiles))
    text = format_checkpoint(CheckpointText(config.origin(), size, tree.root))
    proved = ProvedEntry(entry=lie, disclosures=tuple(told.values()), index=true.leaf.index, path=tuple(path))
    return Forged(size, tree.root, proved, sign_note(text, [key(seed)]))


def verdict(file: bytes, believed: bytes, block_hash: str | None = None) -> tuple[int, list[str]]:
    """Exit code, and how lines 1 to 4 came out."""
    report = verify.verify(file, believed, block_hash=block_hash)
    return report.exit_code, [line.status for line in report.lines[:4]]


def said_of_line_2(file: bytes, believed: bytes) -> str:
    return verify.verify(file, believed).lines[1].text


def block_hash() -> str:
    return "0x" + bytes(Confirmation.objects.order_by("pk").first().block_hash).hex()


@pytest.fixture
def chain() -> MemoryChain:
    return MemoryChain(funded=(address_of(config.chain_key()), address_of(THIEFS_CHAIN_KEY)))


@pytest.fixture
def alices(chain) -> log.Subject:
    """What alice wrote: anchored; after it some more was sealed that is not anchored yet. Now the key is stolen."""
    register(chain)
    subject = a_subject()
    note("It rained.", subject=subject)
    notes(5)
    anchor_all(chain)
    notes(3)
    sequencer.sequence()
    return subject


@pytest.fixture
def procedure(alices, chain) -> dict[str, bytes]:
    """docs/operations/keys.md, "It was stolen", step by step: the trust file before and after, and alice's proof."""
    before, proof = trust.trust_file(), log.proof(alices, owners=None)
    with override_settings(LOG_KEY=STOLEN, NEXT_LOG_KEY=FRESH):
        rotation.revoke()
    with override_settings(LOG_KEY=FRESH):
        sequencer.close_now()
        anchor_all(chain)
        return {"before": before, "after": trust.trust_file(), "proof": proof}


def newest_by_the_stolen_key() -> int:
    """The last size at which the stolen key is good."""
    [end] = [k.end for k in trust.current().log_keys if k.verifier == key(STOLEN).verifier]
    return end - 1


def test_the_procedure_leaves_the_log_whole_and_every_proof_good(procedure, alices) -> None:
    assert newest_by_the_stolen_key() == Checkpoint.objects.order_by("size").values_list("size", flat=True)[1]
    assert trust.current().log_verifiers(newest_by_the_stolen_key() + 1) == (key(FRESH).verifier,)
    first, last = (f"0x{bytes(row.block_hash).hex()}" for row in Confirmation.objects.order_by("pk"))
    for file, block in ((procedure["proof"], first), (log.proof(alices, owners=None), last)):
        assert verdict(file, procedure["after"], block) == (0, ["passed"] * 4)
    newest = Confirmation.objects.order_by("-anchor__checkpoint").first().anchor.checkpoint
    assert newest.size > newest_by_the_stolen_key()
    [entry] = Entry.objects.filter(kind="log.key")
    assert parse_entry(bytes(entry.data)).data["change"] == "revoked"
    assert entry.leaf.index < newest.size


def test_a_seal_of_the_stolen_key_beyond_its_range_is_refused(procedure) -> None:
    for size in (newest_by_the_stolen_key() + 1, newest_by_the_stolen_key() + 40):
        forged = forge(size)
        assert verdict(forged.file(), procedure["after"]) == (1, ["passed", "failed", "pending", "pending"])
        assert said_of_line_2(forged.file(), procedure["after"]) == (
            f"the checkpoint of {size} entries is not signed by a key that trust.json names for it"
        )


def test_a_holder_of_the_old_trust_file_is_told_no_more_than_that_it_is_not_anchored(procedure) -> None:
    """The old file cannot know of the theft. That is why holders are told the new fingerprint."""
    forged = forge(newest_by_the_stolen_key() + 40)
    assert verdict(forged.file(), procedure["before"]) == (3, ["passed", "passed", "pending", "pending"])
    with pytest.raises(verify.VerificationError, match="none of its versions has the fingerprint"):
        verify.verify(forged.file(), procedure["before"], fingerprint=trust.current_fingerprint())


def test_a_seal_of_the_stolen_key_within_its_range_is_never_anchored(procedure, chain) -> None:
    forged = forge(newest_by_the_stolen_key())
    assert verdict(forged.file(), procedure["after"]) == (3, ["passed", "passed", "pending", "pending"])
    genuine = parse_proof(procedure["proof"]).anchor
    assert genuine is not None
    borrowed = forged.file(genuine)
    assert verdict(borrowed, procedure["after"], block_hash()) == (1, ["passed", "passed", "failed", "passed"])


def test_the_thief_can_anchor_the_forgery_only_in_a_log_of_their_own_which_no_trust_file_names(
    procedure, chain
) -> None:
    forged, contract = forge(newest_by_the_stolen_key()), bytes(Registration.objects.get().contract)
    made = registry.register(chain, key=THIEFS_CHAIN_KEY, contract=contract, salt=bytes(32))
    call = registry.anchor_call(
        sender=address_of(THIEFS_CHAIN_KEY), contract=contract, log_id=made.log_id, old_size=0,
        old_root=registry.EMPTY_ROOT, new_size=forged.size, new_root=forged.root, proof=[],
    )  # fmt: skip
    transaction, receipt = registry._transact(chain, call, key=THIEFS_CHAIN_KEY, wait=1)
    anchor = Locator(
        chain_id=31337, contract=contract, log_id=made.log_id, transaction=transaction,
        block_number=receipt.block_number, block_hash=receipt.block_hash,
    )  # fmt: skip
    code, lines = verdict(forged.file(anchor), procedure["after"])
    assert (code, lines) == (3, ["passed", "passed", "not checked", "not checked"])
    assert verify.verify(forged.file(anchor), procedure["after"]).lines[2].text == (
        "trust.json does not know this registration; download the current trust.json from the insurer and check it"
        " with --fingerprint"
    )


def test_the_registry_refuses_the_forgery_under_our_log_id_from_the_thief_and_even_from_us(procedure, chain) -> None:
    registration = Registration.objects.get()
    anchored = Confirmation.objects.order_by("-anchor__checkpoint").first().anchor.checkpoint
    forged = forge(anchored.size + 20)

    def anchoring(sender: bytes, path: list[bytes]) -> Call:
        return registry.anchor_call(
            sender=sender, contract=bytes(registration.contract), log_id=bytes(registration.log_id),
            old_size=anchored.size, old_root=bytes(anchored.root), new_size=forged.size, new_root=forged.root,
            proof=path,
        )  # fmt: skip

    with pytest.raises(CallReverted, match="not the head"):
        chain.estimate(anchoring(address_of(THIEFS_CHAIN_KEY), []))
    with pytest.raises(CallReverted, match="not consistent"):
        chain.estimate(anchoring(address_of(config.chain_key()), list(forged.proved.path or ())))


def test_the_thief_can_sign_a_version_of_trust_json_and_only_our_fingerprint_tells_the_two_apart(procedure) -> None:
    known = parse_trust(procedure["before"], verify_ed25519)
    their_keys = [LogKey(verifier=key(THIEFS).verifier)]
    theirs = sign_statement(next_statement(known.newest, log_keys=their_keys), key(STOLEN))
    their_file = encode_trust([*known.versions, theirs])
    forged = forge(newest_by_the_stolen_key() + 40, THIEFS)
    assert verify.verify(forged.file(), their_file, fingerprint=fingerprint(known.newest)).lines[1].status == "passed"
    with pytest.raises(verify.VerificationError, match="none of its versions has the fingerprint that you gave"):
        verify.verify(forged.file(), their_file, fingerprint=trust.current_fingerprint())
    assert not parse_trust(procedure["after"], verify_ed25519).contains(fingerprint(theirs.statement))


def test_after_the_change_the_stolen_key_signs_no_further_version(procedure) -> None:
    ours = parse_trust(procedure["after"], verify_ed25519)
    theirs = sign_statement(next_statement(ours.newest, log_keys=[LogKey(key(THIEFS).verifier)]), key(STOLEN))
    with pytest.raises(verify.VerificationError, match=f"the signature of version {theirs.statement.version} is wrong"):
        verify.verify(procedure["proof"], encode_trust([*ours.versions, theirs]))


def test_a_receipt_is_not_theirs_to_sign(procedure) -> None:
    entry = Entry.objects.filter(kind="thing.noted").order_by("seq").first()
    receipt = log.receipt(entry)
    text = receipt.partition("\n\n")[0] + "\n"
    forged = sign_note(text, [SigningKey(name=f"{config.origin()}/receipt", seed=bytes.fromhex(STOLEN))])
    assert verify.verify(receipt.encode(), procedure["after"]).exit_code == 0
    assert verify.verify(forged.encode(), procedure["after"]).exit_code == 1
