"""Alice's claim in a small log, always the same bytes: keys, salts and times are fixed."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from anchoring.keys import SigningKey
from anchoring.protocol.anchor import Locator
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.checkpoint import Checkpoint, format_checkpoint
from anchoring.protocol.disclosure import digest, disclose
from anchoring.protocol.entry import encode_entry, subject
from anchoring.protocol.merkle import leaf_hash, prove_inclusion
from anchoring.protocol.note import sign_note
from anchoring.protocol.proof import ProvedEntry
from anchoring.protocol.tiles import TileReader, append

ORIGIN = "insurer.example/log"
LOG_KEY = SigningKey(name=ORIGIN, seed=b"L" * 32)
NEXT_LOG_KEY = SigningKey(name=ORIGIN, seed=b"M" * 32)
RECEIPT_KEY = SigningKey(name=ORIGIN + "/receipt", seed=b"R" * 32)
STRANGER_KEY = SigningKey(name="stranger.example", seed=b"S" * 32)

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ALICES_CLAIM = "0a1b2c3d-0000-4000-8000-00000000a11c"
BOBS_CLAIM = "0a1b2c3d-0000-4000-8000-000000000b0b"

ANCHOR = Locator(
    chain_id=11155111,
    contract=b"\xc0" * 20,
    log_id=b"\x10" * 32,
    transaction=b"\x7a" * 32,
    block_number=9_000_001,
    block_hash=b"\xb1" * 32,
)


def entry_id(number):
    return f"e0000000-0000-4000-8000-{number:012d}"


def salt(name):
    return sha256(name.encode()).digest()[:16]


def shown(name, value):
    """A disclosure whose salt follows from its name."""
    return disclose(name, value, salt=salt(name))


def entry(number, kind, disclosures, record=ALICES_CLAIM):
    """An entry about *record*, *number* minutes after noon."""
    return encode_entry(
        at=NOON + timedelta(minutes=number),
        id=entry_id(number),
        kind=kind,
        subject=subject("claim", record),
        fields={name: digest(text) for name, text in disclosures.items()},
    )


def disclosures(**fields):
    return {name: shown(name, value) for name, value in fields.items()}


SUBMITTED = disclosures(number="CLM-2026-000123-K", amount_minor=125000, note="Wasserschaden, Küche", by=None)
DECIDED = disclosures(outcome="approved", amount_minor=120000)
SUBMITTED_ENTRY = entry(1, "claim.submitted", SUBMITTED)
DECIDED_ENTRY = entry(5, "claim.decided", DECIDED)

# Nine leaves: alice's two entries are the third and the sixth.
ENTRIES = [entry(100 + i, "claim.submitted", disclosures(number=f"CLM-{i}"), record=BOBS_CLAIM) for i in range(9)]
ENTRIES[2], ENTRIES[5] = SUBMITTED_ENTRY, DECIDED_ENTRY
LOG = append(size=0, tiles={}, leaves=[leaf_hash(data) for data in ENTRIES])
READ = TileReader(lambda wanted: LOG.tiles)
CHECKPOINT = Checkpoint(origin=ORIGIN, size=LOG.size, root=LOG.root)
CHECKPOINT_NOTE = sign_note(format_checkpoint(CHECKPOINT), [LOG_KEY])


def proved(index, disclosed=()):
    """The entry at *index* with its path, showing what is given."""
    path = tuple(prove_inclusion(index=index, size=LOG.size, read=READ))
    return ProvedEntry(entry=ENTRIES[index], disclosures=tuple(disclosed), index=index, path=path)


def is_refused(parse, *arguments):
    """Whether *parse* refuses with the one error it may raise; any other error leaves the test."""
    try:
        parse(*arguments)
    except Malformed:
        return True
    return False


def is_text_refused(parse, data):
    """The same for the bytes of a text file: bytes that are no UTF-8 never reach the parser."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return True
    return is_refused(parse, text)
