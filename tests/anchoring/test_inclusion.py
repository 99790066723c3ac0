"""The proof that an event stands in a block, made from a node's JSON: against geth, py-evm, `trie` and `rlp`.

geth_blocks.json holds three blocks of the test chain of the Ethereum execution APIs (CC0) as geth tells them, with
transactions of all five types, cut down to the fields that are hashed.
"""

import copy
import json
import random
import time
from pathlib import Path

import pytest
import rlp as library
from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, ZERO_ADDRESS
from eth.db.atomic import AtomicDB
from eth.vm.forks import PragueVM
from eth_account import Account
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from anchoring import verify
from anchoring.chain import RawBlock
from anchoring.inclusion import (
    HEADER_FIELDS,
    CannotProve,
    encode_header,
    encode_receipt,
    prove_inclusion,
    prove_value,
    rlp,
)

GETH = [
    RawBlock(**block) for block in json.loads((Path(__file__).parent / "geth_blocks.json").read_text(encoding="utf-8"))
]
TYPES = [[receipt["type"] for receipt in block.receipts] for block in GETH]


def unhex(text):
    return bytes.fromhex(text[2:])


def is_any(_log):
    return True


def proved(block, index, is_event=is_any, *, block_hash=None):
    """The proof of a block that is what its node says."""
    block_hash = block_hash or unhex(block.header["hash"])
    return prove_inclusion(block, block_hash=block_hash, transaction_index=index, is_event=is_event)


def refusal(block, index=0, **options):
    with pytest.raises(CannotProve) as caught:
        proved(block, index, **options)
    return str(caught.value)


# --- RLP and the trie ------------------------------------------------------------------------------------------------

ITEMS = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=20)


@given(ITEMS)
def test_rlp_is_what_another_library_writes(item):
    assert rlp(item) == library.encode(item)


@pytest.mark.parametrize("length", [0, 1, 55, 56, 57, 255, 256, 65_535, 65_536])
def test_rlp_of_every_length_of_length_is_what_another_library_writes(length):
    for item in (bytes(length), [b"\x01"] * length, b"\x7f" * length, b"\x80" * length):
        assert rlp(item) == library.encode(item)


@pytest.mark.parametrize("count", [*range(1, 36), 127, 128, 129, 255, 256, 257, 300])
def test_the_trie_of_any_number_of_values_is_what_another_library_builds(count):
    """Short values too, whose nodes stand inside their parents; no receipt is that short."""
    draw = random.Random(count)
    values = [draw.randbytes(draw.choice([1, 5, 28, 29, 30, 31, 32, 33, 300])) for _ in range(count)]
    trie = HexaryTrie({})
    for index, value in enumerate(values):
        trie[library.encode(index)] = value
    for index in {0, 1 % count, count // 2, count - 1}:
        nodes = [library.encode(node) for node in trie.get_proof(library.encode(index))]
        by_hash = tuple(node for place, node in enumerate(nodes) if place == 0 or len(node) >= 32)
        assert prove_value(values, index) == (trie.root_hash, by_hash)
        assert verify.find_receipt(trie.root_hash, index, by_hash) == values[index]


# --- Blocks that others made -----------------------------------------------------------------------------------------


def test_geths_blocks_hold_all_types_of_transactions():
    assert TYPES == [
        ["0x3", "0x0", "0x2", "0x1"],
        ["0x0", "0x4", "0x0", "0x2", "0x1", "0x1"],
        ["0x0", "0x0", "0x0", "0x0"],
    ]


@pytest.mark.parametrize("block", GETH, ids=["London to Cancun", "Prague", "Osaka"])
def test_geths_headers_are_written_as_geth_hashed_them(block):
    assert keccak(encode_header(block.header)) == unhex(block.header["hash"])


@pytest.mark.parametrize("block", GETH, ids=["London to Cancun", "Prague", "Osaka"])
def test_geths_receipts_hash_to_the_root_in_geths_header(block):
    encoded = [encode_receipt(receipt) for receipt in block.receipts]
    for index in range(len(encoded)):
        root, nodes = prove_value(encoded, index)
        assert root == unhex(block.header["receiptsRoot"])
        assert verify.find_receipt(root, index, nodes) == encoded[index]


def test_the_position_counts_among_the_receipts_own_logs():
    tenth = GETH[2].receipts[1]["logs"][9]
    assert proved(GETH[2], 1, lambda log: log.data == unhex(tenth["data"])).log_index == 9
    assert proved(GETH[2], 3).log_index == 0


@pytest.fixture(scope="module")
def busy_block():
    """135 transactions of three types in one block of another EVM, every seventh of which leaves a log."""
    key = Account.from_key(b"\x11" * 32)
    sender = unhex(key.address)
    genesis = {
        "coinbase": ZERO_ADDRESS, "difficulty": 0, "extra_data": b"", "gas_limit": 60_000_000, "mix_hash": bytes(32),
        "nonce": bytes(8), "receipt_root": BLANK_ROOT_HASH, "timestamp": 1, "transaction_root": BLANK_ROOT_HASH,
    }  # fmt: skip
    account = {"balance": 10**24, "nonce": 0, "code": b"", "storage": {}}
    kind = type("Chain", (MiningChain,), {"chain_id": 31337, "vm_configuration": ((0, PragueVM),)})
    chain = kind.from_genesis(AtomicDB(), genesis, {sender: account})
    builder = chain.get_vm().get_transaction_builder()
    signed = [key.sign_transaction(transaction(nonce)) for nonce in range(135)]
    mined, receipts, _ = chain.mine_all(
        [builder.decode(bytes(one.raw_transaction)) for one in signed], mix_hash=bytes(32)
    )
    return mined.imported_block.header, receipts


# PUSH1 7 PUSH1 0 MSTORE, PUSH1 5 (topic) PUSH1 32 PUSH1 0 LOG1, STOP: a contract that leaves one log as it is made.
LEAVES_A_LOG = bytes.fromhex("6007600052600560206000a100")


def transaction(nonce):
    """Legacy, access list and EIP-1559 in turn."""
    fields = {"nonce": nonce, "gas": 100_000, "value": 0, "chainId": 31337}
    fields |= {"data": LEAVES_A_LOG} if nonce % 7 == 0 else {"to": "0x" + "22" * 20, "data": b""}
    if nonce % 3 == 2:
        return fields | {"type": 2, "maxFeePerGas": 2 * 10**9, "maxPriorityFeePerGas": 1}
    return fields | {"gasPrice": 2 * 10**9} | ({"type": 1, "accessList": []} if nonce % 3 else {})


def told(receipt, kind):
    """A receipt of py-evm's as JSON-RPC tells it."""
    return {
        "cumulativeGasUsed": hex(receipt.gas_used),
        "logs": [
            {
                "address": "0x" + log.address.hex(),
                "data": "0x" + log.data.hex(),
                "topics": [f"0x{topic:064x}" for topic in log.topics],
            }
            for log in receipt.logs
        ],
        "logsBloom": f"0x{receipt.bloom:0512x}",
        "status": hex(int.from_bytes(receipt.state_root, "big")),
        "type": hex(kind),
    }


def test_135_receipts_of_three_types_hash_to_the_root_of_another_evm(busy_block):
    header, receipts = busy_block
    encoded = [encode_receipt(told(receipt, place % 3)) for place, receipt in enumerate(receipts)]
    assert len(encoded) == 135
    for index in (0, 1, 15, 16, 127, 128, 134):
        root, nodes = prove_value(encoded, index)
        assert root == header.receipt_root
        assert verify.find_receipt(root, index, nodes) == encoded[index]
    assert [len(receipt.logs) for receipt in receipts[:8]] == [1, 0, 0, 0, 0, 0, 0, 1]


def test_a_proof_of_a_block_of_135_is_made_in_a_blink(busy_block):
    _, receipts = busy_block
    encoded = [encode_receipt(told(receipt, place % 3)) for place, receipt in enumerate(receipts)]
    started = time.process_time()
    prove_value(encoded, 130)
    assert time.process_time() - started < 0.2


# --- Headers of forks ------------------------------------------------------------------------------------------------

LATER = {
    "baseFeePerGas": 7, "withdrawalsRoot": b"\x01" * 32, "blobGasUsed": 131_072, "excessBlobGas": 0,
    "parentBeaconBlockRoot": b"\x02" * 32, "requestsHash": b"\x03" * 32, "blockAccessListHash": b"\x04" * 32,
    "slotNumber": 10_500_000,
}  # fmt: skip


def of_fork(later):
    """A header with so many of the later fields, as JSON and as another library writes it."""
    quantities = {"difficulty": 0, "number": 54, "gasLimit": 60_000_000, "gasUsed": 500_000, "timestamp": 540}
    names = HEADER_FIELDS[:15]
    fields = {name: quantities[name] if name in quantities else unhex(GETH[2].header[name]) for name in names}
    fields |= dict(list(LATER.items())[:later])
    json_ = {name: hex(value) if isinstance(value, int) else "0x" + value.hex() for name, value in fields.items()}
    return json_, library.encode(list(fields.values()))


GIVEN = pytest.mark.parametrize(
    ("fork", "later"),
    [("Paris", 0), ("London", 1), ("Shanghai", 2), ("Cancun", 5), ("Prague", 6), ("Glamsterdam", 8)],
)


@GIVEN
def test_the_header_of_each_fork_is_written_in_its_order(fork, later):
    header, expected = of_fork(later)
    assert encode_header(header) == expected
    assert verify.read_header(expected).number == 54


@GIVEN
def test_fields_that_a_node_tells_beside_the_header_or_as_null_are_not_hashed(fork, later):
    header, expected = of_fork(later)
    beside = {"size": "0x100", "totalDifficulty": "0x0", "transactions": [], "uncles": [], "withdrawals": []}
    absent = dict.fromkeys(list(LATER)[later:])
    assert encode_header(beside | absent | header) == expected


# --- Where no proof can be made --------------------------------------------------------------------------------------


def changed(block=GETH[1], *, header=None, receipts=None):
    """The block with these fields of its header, and of receipts by their index, replaced; None removes one."""
    copied = copy.deepcopy(block)
    _replace(copied.header, header or {})
    for index, fields in (receipts or {}).items():
        _replace(copied.receipts[index], fields)
    return copied


def _replace(document, fields):
    for name, value in fields.items():
        if value is None:
            del document[name]
        else:
            document[name] = value


OTHER_HASH = (
    "The block's header cannot be written as the chain writes it: it hashes to another block hash. Its network may"
    " have header fields that this program does not know."
)


@pytest.mark.parametrize(
    "header",
    [
        {"requestsHash": None},
        {"number": "0x2e"},
        {"blockAccessListHash": "0x" + "00" * 32},
        {"extraData": "0x00"},
        {"miner": "0x" + "11" * 20},
    ],
)
def test_a_header_that_hashes_to_something_else_is_told_so(header):
    assert refusal(changed(header=header), 3) == OTHER_HASH


def test_a_header_of_another_block_is_told_so():
    assert refusal(GETH[1], 3, block_hash=unhex(GETH[2].header["hash"])) == OTHER_HASH


@pytest.mark.parametrize("missing", HEADER_FIELDS[:15])
def test_a_header_without_what_every_header_has_is_told_so(missing):
    kind = "quantity" if missing in {"difficulty", "number", "gasLimit", "gasUsed", "timestamp"} else "bytes"
    assert refusal(changed(header={missing: None})) == f"The node's answer has no {kind} {missing}."


@pytest.mark.parametrize("value", ["54", 54, "0x", "0xg", "0x" + "1" * 65, [], True])
def test_a_quantity_that_is_none_is_told_so(value):
    assert refusal(changed(header={"number": value})) == "The node's answer has no quantity number."


@pytest.mark.parametrize("value", ["abcd", 54, "0x123", "0xgg", [], None])
def test_bytes_that_are_none_are_told_so(value):
    assert refusal(RawBlock({**GETH[1].header, "extraData": value}, [])) == "The node's answer has no bytes extraData."


@pytest.mark.parametrize("header", [None, [], "0x", 1])
def test_an_answer_that_is_no_header_is_told_so(header):
    assert refusal(RawBlock(header, []), block_hash=bytes(32)) == "The node's answer is not a block header."


@pytest.mark.parametrize("receipts", [None, {}, "0x", 1])
def test_an_answer_that_is_no_list_of_receipts_is_told_so(receipts):
    assert refusal(RawBlock(GETH[1].header, receipts)) == "The node's answer is not a list of receipts."


@pytest.mark.parametrize("receipt", [None, [], "0x", 1])
def test_a_receipt_that_a_node_leaves_out_is_told_so(receipt):
    block = RawBlock(GETH[1].header, [*GETH[1].receipts[:5], receipt])
    assert refusal(block, 3) == "The node does not give every receipt of the block."


ROOTS_DIFFER = "The block's receipts do not hash to the receiptsRoot of its header."


@pytest.mark.parametrize(
    "receipts",
    [
        {0: {"status": "0x0"}},
        {4: {"cumulativeGasUsed": "0x1"}},
        {5: {"logsBloom": "0x" + "00" * 255 + "01"}},
        {1: {"type": "0x2"}},
        {3: {"type": None}},
        {4: {"logs": []}},
    ],
)
def test_receipts_that_hash_to_something_else_are_told_so(receipts):
    assert refusal(changed(receipts=receipts), 3) == ROOTS_DIFFER


def test_a_receipt_too_few_too_many_or_out_of_order_is_told_so():
    header, receipts = GETH[1].header, GETH[1].receipts
    assert refusal(RawBlock(header, receipts[:-1]), 3) == ROOTS_DIFFER
    assert refusal(RawBlock(header, [*receipts, receipts[-1]]), 3) == ROOTS_DIFFER
    assert refusal(RawBlock(header, [receipts[1], receipts[0], *receipts[2:]]), 3) == ROOTS_DIFFER


def test_types_of_a_network_of_its_own_are_named_where_the_root_differs():
    block = changed(receipts={0: {"type": "0x6a"}, 5: {"type": "0x64"}})
    assert refusal(block, 3) == ROOTS_DIFFER + (
        " Among them are types of this network's own (0x64, 0x6a), which this program may write otherwise."
    )


def test_a_deposit_of_the_op_stack_is_written_with_its_two_items():
    deposit = GETH[1].receipts[3] | {"type": "0x7e", "depositNonce": "0x10", "depositReceiptVersion": "0x1"}
    plain = library.decode(encode_receipt(GETH[1].receipts[3])[1:])
    assert encode_receipt(deposit) == b"\x7e" + library.encode([*plain, 16, 1])
    before_regolith = {name: value for name, value in deposit.items() if not name.startswith("deposit")}
    assert encode_receipt(before_regolith) == b"\x7e" + library.encode(plain)


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        ({"type": "0x80"}, "A receipt of the block has the type 0x80, which no receipt can have."),
        ({"type": "2"}, "The node's answer has no quantity type."),
        ({"status": None}, "The node's answer has no quantity status."),
        ({"logs": None}, "A receipt of the block has no list of logs."),
        ({"logs": [None]}, "A log of the block is not one."),
        ({"logs": [{"topics": "0x"}]}, "A log of the block is not one."),
        ({"logs": [{"topics": []}]}, "The node's answer has no bytes address."),
        ({"logs": [{"topics": [1], "address": "0x", "data": "0x"}]}, "The node's answer has no bytes topic."),
    ],
)
def test_a_receipt_that_is_none_is_told_so(receipt, reason):
    assert refusal(changed(receipts={5: receipt}), 3) == reason


@pytest.mark.parametrize("index", [-1, 6, 1000])
def test_a_transaction_that_the_block_does_not_have_is_told_so(index):
    assert refusal(GETH[1], index) == f"The node gives 6 receipts of the block, none for number {index}."


def test_an_event_that_the_receipt_does_not_hold_is_told_so():
    assert refusal(GETH[1], 3, is_event=lambda _: False) == "The transaction's receipt does not hold the event."
    assert refusal(GETH[1], 0) == "The transaction's receipt does not hold the event."


def rehashed(receipts):
    """A sound block with these receipts, as geth would tell it."""
    root, _ = prove_value([encode_receipt(receipt) for receipt in receipts], 0)
    header = GETH[1].header | {"receiptsRoot": "0x" + root.hex()}
    return RawBlock(header | {"hash": "0x" + keccak(encode_header(header)).hex()}, receipts)


def test_a_transaction_that_failed_proves_nothing():
    receipts = [*GETH[1].receipts[:3], GETH[1].receipts[3] | {"status": "0x0"}]
    assert refusal(rehashed(receipts), 3) == "The transaction did not succeed."
    assert proved(rehashed(GETH[1].receipts[:4]), 3).log_index == 0


def test_a_receipt_larger_than_a_file_may_hold_is_told_so():
    log = GETH[1].receipts[3]["logs"][0]
    long = GETH[1].receipts[3] | {"logs": [log | {"data": "0x" + "00" * 70_000}]}
    assert refusal(rehashed([long])).startswith("The proof would be larger than a file may hold: ")
