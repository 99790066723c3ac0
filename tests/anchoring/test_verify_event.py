"""The event that a proof carries: every changed byte, hostile nodes, and what it costs.

Each defect of a file stands in tests/vectors; here is what no single file can show.
"""

import copy
import json
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from anchoring import verify
from anchoring.verify import VerificationError
from tests.anchoring import event_world as chain
from tests.anchoring import verify_world as world

TRUST = world.trust()
BELIEVED = verify.read_trust(TRUST)
DOCUMENT = chain.proof(chain.GOOD)
PROOF = world.finish(DOCUMENT)
HASH = chain.block_hash()
BUSY = chain.others(300)
BUSY[200] = chain.GOOD_RECEIPT
BUSY_ANCHOR = chain.in_block(BUSY, index=200)


def exit_code(proof, **options):
    """As the command line gives it; any other exception than the one allowed fails the test."""
    try:
        return verify.verify(proof, TRUST, **options).exit_code
    except VerificationError as refused:
        return refused.exit_code


def statuses(anchored, block_hash=HASH):
    """Of lines 3 and 4, for a proof with this anchor."""
    proof = verify.read_proof(world.finish(chain.proof(anchored)))
    case = verify.Case(proof, BELIEVED, None, block_hash)
    return tuple(verify.judge(0, "", check, case).status for check in (verify.check_anchored, verify.check_block))


# --- changed bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bit", range(8))
def test_every_byte_of_the_file_with_one_bit_changed_is_refused(bit):
    assert exit_code(PROOF, block_hash=HASH) == 0
    changed = (PROOF[:place] + bytes([PROOF[place] ^ 1 << bit]) + PROOF[place + 1 :] for place in range(len(PROOF)))
    assert {exit_code(file, block_hash=HASH) for file in changed} == {1}


def with_bit(data, place, bit):
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def event_of(anchored, **members):
    """Size and root that the anchor proves, or None."""
    try:
        return verify.read_event(replace(anchored, **members))
    except VerificationError:
        return None


def block_of(header_rlp):
    try:
        return verify.read_header(header_rlp).hash
    except VerificationError:
        return None


def test_every_byte_of_the_header_matters_though_the_checksum_is_repaired():
    """Most of them leave line 3 as it is: that is why the reader compares the hash."""
    header = world.unb64(chain.GOOD["header_rlp"])
    assert block_of(header) == HASH
    hashes = {block_of(with_bit(header, place, place % 8)) for place in range(len(header))}
    assert HASH not in hashes
    changed = {**chain.GOOD, "header_rlp": world.b64(with_bit(header, 50, 0))}
    assert (statuses(chain.GOOD), statuses(changed)) == (("passed", "passed"), ("passed", "failed"))


def test_every_byte_of_every_node_matters_though_the_checksum_is_repaired():
    good = verify.read_anchor(BUSY_ANCHOR)
    assert event_of(good) == (len(chain.LEAVES), chain.ROOT)
    for number, node in enumerate(good.receipt_nodes):
        for place in range(len(node)):
            nodes = list(good.receipt_nodes)
            nodes[number] = with_bit(node, place, place % 8)
            assert event_of(good, receipt_nodes=tuple(nodes)) is None


def test_a_file_is_good_for_its_own_transaction_and_log_only():
    good = verify.read_anchor(BUSY_ANCHOR)
    assert [index for index in range(400) if event_of(good, transaction_index=index)] == [200]
    assert [log for log in range(20) if event_of(good, log_index=log)] == [1]


def test_every_character_of_the_other_members_matters():
    for member in ("chain_id", "contract", "log_id", "format"):
        text = str(chain.GOOD[member])
        for place in range(len(text)):
            other = text[:place] + ("1" if text[place] != "1" else "2") + text[place + 1 :]
            changed = {**chain.GOOD, member: int(other) if member == "chain_id" else other}
            assert exit_code(world.finish(chain.proof(changed)), block_hash=HASH) in (1, 3)


# --- the trie and RLP against other libraries ------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 16, 17, 127, 128, 129, 130, 256, 257])
def test_every_receipt_of_a_block_is_found_by_its_own_nodes_only(count):
    values = [chain.receipt(chain.transfer(str(place)), kind=place % 5) for place in range(count)]
    trie = chain.trie_of(values)
    for index in range(0, count, max(1, count // 16)):
        nodes = chain.nodes_of(trie, index)
        assert verify.find_receipt(trie.root_hash, index, nodes) == values[index]
        for other in {0, 1, index + 1, index ^ 128, 2**40} - {index}:
            with pytest.raises(VerificationError):
                verify.find_receipt(trie.root_hash, other, nodes)


ITEMS = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=20)


def as_lists(item):
    return item if isinstance(item, bytes) else [as_lists(part) for part in item]


@given(st.lists(ITEMS, max_size=5))
def test_what_another_library_writes_is_read_back(items):
    assert verify.read_rlp(rlp.encode(items), "it") == as_lists(items)


def read_by_ours(data):
    try:
        return verify.read_rlp(data, "it")
    except VerificationError:
        return None


def read_by_another(data):
    try:
        return as_lists(rlp.decode(data))
    except (rlp.exceptions.DecodingError, TypeError):
        return None


@settings(max_examples=500)
@given(st.binary(max_size=12) | st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_as_by_another_library(data):
    assert read_by_ours(data) == read_by_another(data)


@settings(max_examples=300)
@given(ITEMS, st.data())
def test_encodings_with_one_byte_changed_are_read_or_refused_as_by_another_library(item, data):
    encoded = bytearray(rlp.encode(item))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    assert read_by_ours(bytes(encoded)) == read_by_another(bytes(encoded))


@pytest.mark.parametrize("index", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**53 - 1])
def test_a_key_is_what_another_library_writes(index):
    assert verify.rlp_key(index) == rlp.encode(index)


# --- hostile anchors -------------------------------------------------------------------------------------------------

FULL = 65_536


def nest(depth):
    """Lists in lists, as deep as told."""
    encoded = b""
    for _ in range(depth):
        size = chain.unsigned(len(encoded))
        head = bytes([0xC0 + len(encoded)]) if len(encoded) < 56 else bytes([0xF7 + len(size)]) + size
        encoded = head + encoded
    return encoded


HOSTILE = {
    "nodes of nothing but small items": [b"\xfa" + (FULL - 4).to_bytes(3, "big") + b"\x01" * (FULL - 4)],
    "nodes of nothing but empty lists": [b"\xfa" + (FULL - 4).to_bytes(3, "big") + b"\xc0" * (FULL - 4)],
    "a node nested 8 deep": [nest(8)],
    "a node nested 20,000 deep": [nest(20_000)],
    "sixteen nodes of zeros": [bytes(FULL // 16)] * 16,
    "one node of zeros": [bytes(FULL)],
    "one node sixteen times": [rlp.encode([b""] * 17)] * 16,
    "random bytes": [random.Random(7).randbytes(FULL)],
    "one byte": [b"\x80"],
}


@pytest.mark.parametrize("nodes", HOSTILE.values(), ids=HOSTILE)
def test_hostile_nodes_are_refused_soon(nodes):
    header = rlp.encode(chain.header(keccak(nodes[0])))
    hostile = chain.anchor(header, nodes)
    started = time.process_time()
    assert exit_code(world.finish(chain.proof(hostile))) == 1
    assert time.process_time() - started < 2


@pytest.mark.parametrize("header", [nest(1300), b"\xf9\x0f\xf0" + b"\xc0" * 4080, bytes(4096), b"\xff" * 4096])
def test_hostile_headers_are_refused_soon(header):
    started = time.process_time()
    assert exit_code(world.finish(chain.proof({**chain.GOOD, "header_rlp": world.b64(header)}))) == 1
    assert time.process_time() - started < 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcz_-.", max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.sampled_from(sorted(chain.GOOD)), JSON)
def test_any_member_replaced_by_any_value_ends_in_a_verdict(member, value):
    changed = copy.deepcopy(DOCUMENT)
    changed["anchor"][member] = value
    assert exit_code(world.finish(changed), block_hash=HASH) in (1, 3)


@settings(max_examples=200)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4), st.integers(0, 2**53 - 1))
def test_any_nodes_end_in_a_verdict(nodes, index):
    made = chain.anchor(rlp.encode(chain.header(keccak(nodes[0]))), nodes, index=index)
    assert statuses(made, chain.block_hash(made)) == ("failed", "passed")


# --- what it costs ---------------------------------------------------------------------------------------------------

TIMED = """
import sys, time
sys.path.insert(0, sys.argv[1])
import verify
proof, trust = open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read()
started = time.process_time()
report = verify.verify(proof, trust)
print(time.process_time() - started, [line.status for line in report.lines[:3]])
"""


def test_lines_1_to_3_take_a_tenth_of_a_second(tmp_path):
    """In a fresh interpreter, without its start: alice's proof from a block of 300 transactions, two signatures."""
    (tmp_path / "proof.json").write_bytes(world.finish(chain.proof(BUSY_ANCHOR)))
    (tmp_path / "trust.json").write_bytes(TRUST)
    arguments = [str(Path(verify.__file__).parent), str(tmp_path / "proof.json"), str(tmp_path / "trust.json")]
    runs = []
    for _ in range(3):
        command = [sys.executable, "-I", "-c", TIMED, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, _, lines = done.stdout.partition(" ")
        assert json.loads(lines.replace("'", '"')) == ["passed"] * 3
        runs.append(float(seconds))
    assert min(runs) < 0.1


def test_the_largest_receipt_proof_takes_less_than_a_second():
    long = [world.sha256(b"long")[:20], [], bytes(64_500)]
    made = chain.with_receipt(chain.receipt(chain.transfer(), chain.event(), long))
    started = time.process_time()
    assert exit_code(world.finish(chain.proof(made)), block_hash=chain.block_hash(made)) == 0
    assert time.process_time() - started < 1


# --- what people read ------------------------------------------------------------------------------------------------


def test_alice_reads_what_the_file_shows_and_which_hash_to_compare():
    report = verify.verify(PROOF, TRUST)
    assert report.exit_code == 3
    assert [f"{line.status}: {line.text}" for line in report.lines[2:5]] == [
        f"passed: the registry {world.CONTRACT} recorded this tree: log 1 of transaction 2 under the header with the"
        f" hash {HASH}",
        "not checked: needs --rpc with a node that you choose, or compare"
        f" {HASH} with the hash of block 7654321 in an explorer and give it with --block-hash",
        "not checked: needs --rpc with a node that you choose, to read the contract's code",
    ]
    assert report.verdict == (
        "The facts shown are anchored in a block that you have not confirmed: compare hash"
        f" {HASH} of block 7654321. Nothing failed, but line 4 could not be confirmed: see above what is needed."
    )


@pytest.mark.parametrize("between", " \n\u00a0\u00ad\u200b\u200c\u200d\u2060\ufeff")
def test_what_nobody_sees_in_her_hash_does_not_count(between):
    assert exit_code(PROOF, block_hash=between + between.join(HASH) + between) == 0
    assert exit_code(PROOF, block_hash=between.join(HASH[:-1])) == 2


@pytest.mark.parametrize("given", [HASH, HASH[2:], HASH.upper().replace("X", "x"), f" {HASH}\n"])
def test_a_hash_of_her_own_finding_settles_line_4_on_her_word(given):
    report = verify.verify(PROOF, TRUST, block_hash=given)
    assert report.exit_code == 0
    assert report.lines[3].text == (
        "block 7654321 of Sepolia, of 2026-11-23 12:00:00 UTC, is canonical and final on your word"
    )
    assert report.verdict == (
        "The facts shown were sealed in the log before 2026-11-23 12:00:00 UTC and have not been altered since."
    )


def test_another_hash_fails_and_the_files_own_is_named():
    report = verify.verify(PROOF, TRUST, block_hash="0x" + "ab" * 32)
    assert report.exit_code == 1
    assert report.lines[3].text == f"the hash that you gave is not this block's: block 7654321 of the file has {HASH}"
    assert report.verdict == "Do not rely on this file: line 4 failed."


def test_the_time_is_the_headers_which_the_hash_vouches_for():
    lying = chain.answers(timestamp="0x1")
    with world.serve(lying) as node:
        report = verify.verify(PROOF, TRUST, rpc=node.url)
    assert report.verdict == (
        "The facts shown were sealed in the log before 2026-11-23 12:00:00 UTC and have not been altered since."
    )
    assert world.RECEIPT_CALL not in node.asked


def test_a_format_that_came_later_is_not_checked_and_not_called_anchored():
    report = verify.verify(world.finish(chain.proof({"format": "eth-receipt-ssz/v1"})), TRUST)
    assert [line.text for line in report.lines[2:5]] == [
        "this program does not know anchors of the format eth-receipt-ssz/v1: check with a newer one"
    ] * 3
    assert report.verdict == (
        "The facts shown are sealed in the insurer's log. Whether they are anchored was not checked (lines 3 to 5): see"
        " line 3. Nothing failed, but lines 3 and 4 could not be confirmed: see above what is needed."
    )
