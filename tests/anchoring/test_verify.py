"""The verifier as a whole: the one file, changed bytes, hostile files.

Each defect of a file and the line that it fails stand in tests/vectors; here is what no single file can show.
"""

import ast
import copy
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchoring import verify
from anchoring.verify import VerificationError
from tests.anchoring import verify_world as world

SOURCE = Path(verify.__file__).read_text()
DOCUMENT = world.sealed(world.alice_claims())
PROOF = world.finish(DOCUMENT)
TRUST = world.trust()
RECEIPT = world.note(world.receipt_text(), world.RECEIPT_KEY).encode()
OFFLINE = frozenset({1, 2})


def exit_code(proof: bytes, trust: bytes = TRUST, **options: Any) -> int:
    """As the command line gives it; any other exception than the one allowed fails the test."""
    try:
        return verify.verify(proof, trust, **options).exit_code
    except VerificationError as refused:
        return refused.exit_code


# --- the file itself -------------------------------------------------------------------------------------------------


def test_it_imports_nothing_but_the_standard_library() -> None:
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) == set()
    assert all(node.level == 0 for node in imports if isinstance(node, ast.ImportFrom))


def test_it_keeps_to_the_syntax_of_python_3_9() -> None:
    ast.parse(SOURCE, feature_version=(3, 9))


# Calls of the standard library that came after 3.9 and that the tests on newer Pythons would not miss.
NEWER = {"bit_count", "pairwise", "batched", "file_digest", "add_note", "UTC", "StrEnum", "TaskGroup", "aclosing"}
NEWER |= {"hardlink_to", "walk_up", "full_match", "anext", "aiter", "EncodingWarning", "BaseExceptionGroup", "chdir"}


def test_it_calls_nothing_that_python_3_9_lacks() -> None:
    tree = ast.parse(SOURCE)
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    keywords = {word.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords}
    unions = [
        node
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("isinstance", "issubclass")
        for node in ast.walk(call.args[1])
        if isinstance(node, ast.BinOp)
    ]
    assert used & NEWER == set()
    assert keywords & {"strict", "slots", "kw_only", "root_dir"} == set()
    assert unions == []  # `isinstance(x, int | str)` parses on 3.9 and fails when it runs


def test_its_functions_are_short() -> None:
    functions = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.FunctionDef)]
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for node in functions)
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[-1] <= 40


# --- changed bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bit", range(8))
def test_every_byte_with_one_bit_changed_is_refused(bit: int) -> None:
    outcomes = {exit_code(flipped(PROOF, place, bit), require=OFFLINE) for place in range(len(PROOF))}
    assert outcomes == {1}


@pytest.mark.parametrize("bit", range(0, 8, 3))
def test_every_byte_of_a_receipt_with_one_bit_changed_is_refused(bit: int) -> None:
    assert {exit_code(flipped(RECEIPT, place, bit)) for place in range(len(RECEIPT))} == {1}


def test_every_byte_of_a_trust_file_with_one_bit_changed_makes_it_unusable() -> None:
    assert {exit_code(PROOF, flipped(TRUST, place, place % 8)) for place in range(len(TRUST))} == {2}


def test_a_changed_byte_of_any_version_makes_a_trust_file_unusable() -> None:
    trust = world.two_versions(log_keys=[{"from": 0, "key": world.LOG_KEY.key()}])
    assert exit_code(PROOF, trust, require=OFFLINE) == 0
    assert {exit_code(PROOF, flipped(trust, place, 0)) for place in range(0, len(trust), 7)} == {2}


def flipped(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def test_every_byte_dropped_doubled_or_swapped_with_the_next_is_refused() -> None:
    for place in range(len(PROOF)):
        assert exit_code(PROOF[:place] + PROOF[place + 1 :], require=OFFLINE) == 1
        assert exit_code(PROOF[: place + 1] + PROOF[place:], require=OFFLINE) == 1
        swapped = PROOF[:place] + PROOF[place : place + 2][::-1] + PROOF[place + 2 :]
        assert exit_code(swapped, require=OFFLINE) == (0 if swapped == PROOF else 1)


def test_every_beginning_of_a_proof_is_refused() -> None:
    assert {exit_code(PROOF[:length], require=OFFLINE) for length in range(len(PROOF))} == {1}


def test_every_character_of_the_sealed_part_matters_though_the_checksum_is_repaired() -> None:
    for place in range(0, len(world.canonical(DOCUMENT["entries"])), 5):
        assert exit_code(repaired("entries", place), require=OFFLINE) == 1
    for place in range(0, len(world.canonical(DOCUMENT["checkpoint"])), 5):
        assert exit_code(repaired("checkpoint", place), require=OFFLINE) == 1


def repaired(member: str, place: int) -> bytes:
    """One byte of a member changed; where that is still canonical JSON, under a right checksum."""
    changed = flipped(world.canonical(DOCUMENT[member]), place, 0)
    try:
        return world.finish({**DOCUMENT, member: json.loads(changed)})
    except (ValueError, UnicodeError):
        return changed


# --- hostile files ---------------------------------------------------------------------------------------------------

DEEP = 1_000_000
HOSTILE = {
    "nothing": b"",
    "a million brackets": b"[" * DEEP,
    "a million objects": b'{"a":' * DEEP,
    "brackets after strings": rb'{"\\":"\"]","a\\\"":' + b"[" * DEEP,
    "balanced brackets": b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "megabytes of digits": b'{"a":' + b"9" * 2**23 + b"}",
    "megabytes of minus signs": b'{"a":' + b"-" * 2**23 + b"}",
    "megabytes of a fraction": b'{"a":0.' + b"9" * 2**23 + b"}",
    "an exponent": b'{"a":1e999999999}',
    "megabytes of space": b"{" + b" " * 2**23 + b"}",
    "megabytes of a string": b'{"a":"' + b"x" * 2**23 + b'"}',
    "megabytes of escapes": b'{"a":"' + b"\\u0000" * 2**20 + b'"}',
    "megabytes of backslashes": b'{"a":"' + b"\\" * 2**23,
    "many members": b"{" + b",".join(b'"%d":0' % n for n in range(300_000)) + b"}",
    "one member many times": b"{" + b",".join([b'"a":0'] * 300_000) + b"}",
    "many lists": b'{"a":[' + b",".join([b"[]"] * 500_000) + b"]}",
    "many texts": b'{"a":[' + b",".join([b'""'] * 3_000_000) + b"]}",
    "many closing brackets": b'{"a":[' + b"]" * 2**23,
    "lone surrogates": rb'{"a":"\ud800","b":"\udfff"}',
    "surrogates in bytes": b'{"a":"\xed\xa0\x80"}',
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "zero bytes": bytes(2**20),
    "a byte order mark": b"\xef\xbb\xbf" + PROOF,
    "UTF-32": PROOF.decode().encode("utf-32"),
    "line separators": "{\u2028}".encode(),
    "a line separator within": PROOF.replace(b'"format"', '"for\u2028mat"'.encode()),
    "megabytes of lines": b"\n" * 2**23,
    "a note of a million lines": b"a\n\n" + "\u2014 a AAAA\n".encode() * 2**20,
    "a receipt with line separators": RECEIPT.replace(b"\n", "\u2028".encode()),
    "a receipt with next lines": RECEIPT.replace(b"\n", "\x85".encode()),
    "a receipt with a zero byte": RECEIPT + b"\x00",
}


@pytest.mark.parametrize("file", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_soon(file: bytes) -> None:
    started = time.monotonic()
    assert exit_code(file) == 1
    assert exit_code(PROOF, file) == 2
    assert time.monotonic() - started < 10


def test_deep_files_are_refused_where_the_host_program_has_raised_the_recursion_limit() -> None:
    """Some libraries do: then the C stack, not Python, ends the recursion of json.loads."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10**9)
    try:
        for name in ("a million brackets", "a million objects", "balanced brackets", "brackets after strings"):
            assert exit_code(HOSTILE[name]) == 1
            assert exit_code(PROOF, HOSTILE[name]) == 2
    finally:
        sys.setrecursionlimit(before)


def test_a_file_beyond_the_bound_is_refused_unread() -> None:
    with pytest.raises(VerificationError, match="larger than"):
        verify.verify(b"{" + bytes(verify.FILE_BYTES), TRUST)
    with pytest.raises(VerificationError, match="larger than"):
        verify.verify(PROOF, b"{" + bytes(verify.TRUST_BYTES))


def test_a_thousand_keys_are_the_most() -> None:
    key = world.RECEIPT_KEY.key()
    assert exit_code(PROOF, world.trust(receipt_keys=[key] * 1000), require=OFFLINE) == 0
    assert exit_code(PROOF, world.trust(receipt_keys=[key] * 1001), require=OFFLINE) == 2


def test_a_mebibyte_is_the_longest_disclosure() -> None:
    """Its text, which is 4/3 of the array's bytes: salt and name leave the value so many characters."""
    rest = len(world.canonical([world.b64url(bytes(16)), "note", ""]))
    longest = 2**20 * 3 // 4 - rest
    for length, expected in ((longest, 0), (longest + 1, 1)):
        entry = world.record(2, "claim.submitted", {"note": "x" * length})
        assert (len(entry.disclosures["note"]) <= 2**20) == (expected == 0)
        assert exit_code(world.finish(world.sealed([entry])), require=OFFLINE) == expected


def test_a_hundred_signatures_of_a_known_key_are_checked_in_bounded_time() -> None:
    text = world.checkpoint_text(world.log_of(world.alice_claims()))
    document = {**DOCUMENT, "checkpoint": world.note(text, *[world.LOG_KEY] * 100)}
    started = time.monotonic()
    assert exit_code(world.finish(document), require=OFFLINE) == 0
    assert time.monotonic() - started < 10


def test_ten_thousand_entries_are_the_most() -> None:
    leaf = world.record(2, "claim.submitted", {"number": world.NUMBER})
    items = [
        {"disclosures": [], "entry": leaf.text.replace(json.loads(leaf.text)["id"], f"{n:08x}-0000-4000-8000-{n:012x}")}
        for n in range(10_001)
    ]
    most = {"format": "proof-of-record/v1", "entries": items[:-1]}
    assert exit_code(world.finish(most), require=frozenset({1})) == 0
    assert exit_code(world.finish({**most, "entries": items}), require=frozenset({1})) == 1


@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_verdict(data: bytes) -> None:
    assert exit_code(data) == 1
    assert exit_code(b"{" + data) == 1
    assert exit_code(PROOF, data) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcz_-.", max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_part_replaced_by_any_value_ends_in_a_verdict(data: st.DataObject) -> None:
    document = copy.deepcopy({**DOCUMENT, "entries": [unpacked(item) for item in DOCUMENT["entries"]]})
    replace_a_part(document, data)
    document["entries"] = packed(document.get("entries"))
    assert exit_code(world.finish(document)) in (1, 3)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_part_of_a_trust_file_replaced_ends_in_a_verdict(data: st.DataObject) -> None:
    statement = copy.deepcopy(world.statement())
    replace_a_part(statement, data)
    trust = world.publish(world.signed(statement))
    assert exit_code(PROOF, trust, require=OFFLINE) in (0, 1, 2)


def replace_a_part(value: Any, data: st.DataObject) -> None:
    """Walk down at random and put any value in the place where the walk ends."""
    while True:
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        place = data.draw(st.sampled_from(places))
        deeper = value[place]
        if not isinstance(deeper, dict | list) or not deeper or data.draw(st.booleans()):
            value[place] = data.draw(JSON)
            return
        value = deeper


def unpacked(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "entry": json.loads(item["entry"])}


def packed(items: Any) -> Any:
    if not isinstance(items, list):
        return items
    for item in items:
        if isinstance(item, dict) and "entry" in item:
            item["entry"] = world.canonical(item["entry"]).decode()
    return items
