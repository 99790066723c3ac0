"""The verifier page's verify.js, run by Node: every vector, changed and hostile files, its cryptography."""

import json
import os
import shutil
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from eth_hash.auto import keccak

from anchoring import networks, verify
from tests.anchoring import verify_world as world

HERE = Path(__file__).parent
VERIFIER = HERE.parent.parent / "anchoring/static/anchoring/verify.js"
INDEX: list[dict[str, Any]] = json.loads((HERE / "index.json").read_text())
BY_NAME = {vector["name"]: vector for vector in INDEX}
NO_NODE = (
    "NODE IS MISSING: the verifier page was NOT checked against the vectors. Install Node.js 20 or later"
    " (`apt-get install nodejs`) and run `make test` again."
)
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19


@pytest.fixture(scope="module")
def node() -> str:
    """Node's path. Skips loudly where there is none; with REQUIRE_NODE=1, fails."""
    found = shutil.which("node")
    if found is None:
        if os.environ.get("REQUIRE_NODE") == "1":
            pytest.fail(NO_NODE)
        warnings.warn(pytest.PytestWarning(NO_NODE), stacklevel=1)
        pytest.skip(NO_NODE)
    return found


def run(node: str, script: str, *arguments: Any, given: Any = None) -> Any:
    command = [node, str(HERE / script), str(VERIFIER), *map(str, arguments)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def ask(node: str, *questions: list[Any]) -> list[Any]:
    answers: list[Any] = run(node, "ask_page.mjs", given=questions)
    return answers


# --- The vectors -----------------------------------------------------------------------------------------------------


def job(vector: dict[str, Any]) -> dict[str, Any]:
    return {
        **vector,
        **{kind: str(HERE / vector[kind]) for kind in ("file", "trust", "rpc", "receipt") if kind in vector},
    }


@pytest.fixture(scope="module")
def outcomes(node: str) -> dict[str, Any]:
    """What the page says of every vector: one run for all."""
    said: dict[str, Any] = run(node, "run_page.mjs", given=[job(vector) for vector in INDEX])
    return said


@pytest.mark.parametrize("name", BY_NAME)
def test_the_page_says_what_the_index_says(outcomes: dict[str, Any], name: str) -> None:
    vector, said = BY_NAME[name], outcomes[name]
    assert {"exit": said["exit"], "lines": said["lines"]} == {"exit": vector["exit"], "lines": vector["lines"]}


def test_no_vector_ends_in_a_fault_of_the_page_itself(outcomes: dict[str, Any]) -> None:
    assert [name for name, said in outcomes.items() if "could not finish" in said["verdict"]] == []


# --- Changed and hostile files ---------------------------------------------------------------------------------------


def test_every_changed_byte_of_a_good_proof_is_refused_and_every_odd_part_ends_in_a_report(node: str) -> None:
    found = run(node, "change_page.mjs", HERE / "files/event-good.json", HERE / "trust/good.json")
    assert found["bytes"] == (HERE / "files/event-good.json").stat().st_size
    assert (found["accepted"], found["eventAccepted"], found["faults"]) == ([], [], [])
    assert (found["event"] > 1000, found["parts"] > 500) == (True, True)


def deep_path() -> bytes:
    """Ten thousand entries with the longest paths, under a log so large that each hash must be computed."""
    document = world.sealed(world.alice_claims()[:1])
    item = document["entries"][0] | {
        "index": 2**53 - 1,
        "path": [world.b64(bytes([place] * 32)) for place in range(63)],
    }
    entry = json.loads(item["entry"])
    items = [
        item | {"entry": world.canonical({**entry, "id": world.uuid(str(place))}).decode()} for place in range(10_000)
    ]
    text = f"{world.ORIGIN}\n{2**63 - 1}\n{world.b64(bytes(32))}\n"
    items.sort(key=lambda one: json.loads(one["entry"])["id"])
    return world.finish({**document, "entries": items, "checkpoint": world.note(text, world.LOG_KEY)})


HOSTILE: dict[str, Any] = {
    "64-mebibytes-of-brackets": lambda: b"{" + b"[" * (64 * 2**20 - 1),
    "64-mebibytes-and-a-byte": lambda: b"{" * (64 * 2**20 + 1),
    "a-text-of-60-mebibytes": lambda: b'{"a":"' + b"a" * (60 * 2**20) + b'"}',
    "escapes-without-end": lambda: b'{"a":"' + b"\\n" * (20 * 2**20) + b'"}',
    "a-number-of-20-mebibytes": lambda: b'{"a":' + b"1" * (20 * 2**20) + b"}",
    "five-million-numbers": lambda: b'{"a":[' + b",".join([b"0"] * 5_000_000) + b"]}",
    "a-prototype-for-a-member": lambda: world.canonical({"__proto__": {"format": "proof-of-record/v1"}}),
    "a-constructor-for-a-member": lambda: world.canonical({"constructor": 1, "format": "proof-of-record/v1"}),
    "ten-thousand-entries-with-63-hashes": deep_path,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_bounded_time(node: str, tmp_path: Path, name: str) -> None:
    file = tmp_path / "hostile.json"
    file.write_bytes(HOSTILE[name]())
    offered = {**job(BY_NAME["good"]), "file": str(file), "name": name}
    begun = time.monotonic()
    assert run(node, "run_page.mjs", given=[offered])[name]["exit"] == 1
    assert time.monotonic() - begun < 20


def test_a_pdf_is_answered_as_by_the_other_program_and_is_no_failure(node: str, tmp_path: Path) -> None:
    file = tmp_path / "certificate.pdf"
    file.write_bytes(b"%PDF-1.7\n%\xe2\xe3")
    said = run(node, "run_page.mjs", given=[job(BY_NAME["good"] | {"file": str(file), "name": "pdf"})])["pdf"]
    assert said == {"exit": 2, "lines": {}, "verdict": verify.PDF}


@pytest.mark.parametrize("between", " \n\u00ad\u200b\u200c\u200d\u2060\ufeff")
def test_what_nobody_sees_in_a_block_s_hash_does_not_count(node: str, between: str) -> None:
    good = BY_NAME["event-good-block-hash"]
    copied = between + between.join(good["arguments"][1]) + between
    offered = job(good | {"arguments": ["--block-hash", copied], "name": "copied"})
    said = run(node, "run_page.mjs", given=[offered])["copied"]
    assert (said["exit"], said["lines"]) == (good["exit"], good["lines"])


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1, "b":2}', '{"b":1,"a":2}', '{"a":1,"a":1}', "1.0", "1e3", "-0", "01", '"\\u0041"', '"\\/"',
        '"\\u001F"', "[" * 9 + "]" * 9, "9007199254740992", "nul", "", " 1", "1 ", '{"é":1}', '"\\ud800"', "[1,]",
        "{}x", '"\t"',
    ],
)  # fmt: skip
def test_json_that_is_written_otherwise_is_refused(node: str, text: str) -> None:
    (answer,) = ask(node, ["parse", text])
    assert answer.startswith("refused: ")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 8 + "]" * 8,
        "-9007199254740991",
        '"\\u001f\\b\\"\\\\é✈😀\x7f"',
        '{"":0,"0":1,"__proto__":2,"a":null}',
        "[]",
        "true",
    ],
)
def test_canonical_json_comes_back_as_it_was(node: str, text: str) -> None:
    assert ask(node, ["parse", text]) == [text]


# --- Cryptography beside other people's ------------------------------------------------------------------------------


def test_hashes_agree_with_other_libraries_for_every_length_to_three_blocks(node: str) -> None:
    messages = [world.sha256(bytes([n % 256]))[:1] * n for n in range(3 * 136 + 2)]
    assert ask(node, *(["keccak256", message.hex()] for message in messages)) == [keccak(m).hex() for m in messages]
    assert ask(node, *(["sha256", message.hex()] for message in messages)) == [world.sha256(m).hex() for m in messages]


def judged_by_another(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_signatures_and_each_changed_byte_of_them_are_judged_as_by_another_library(node: str) -> None:
    private = Ed25519PrivateKey.from_private_bytes(world.sha256(b"page"))
    public, message = private.public_key().public_bytes_raw(), b"a message"
    good = private.sign(message)
    cases = [(public, message, good), (public, b"", private.sign(b"")), (public, b"another message", good)]
    for at in range(64):
        cases.append((public, message, good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :]))
    for at in range(32):
        cases.append((public[:at] + bytes([public[at] ^ 1 << at % 8]) + public[at + 1 :], message, good))
    said = ask(node, *(["ed25519", *(part.hex() for part in case)] for case in cases))
    assert said == [judged_by_another(*case) for case in cases]
    assert said.count(True) == 2


def test_signatures_that_have_a_second_form_are_refused(node: str) -> None:
    private = Ed25519PrivateKey.from_private_bytes(world.sha256(b"page"))
    public, message = private.public_key().public_bytes_raw(), b"a message"
    good = private.sign(message)
    malleable = good[:32] + (int.from_bytes(good[32:], "little") + ORDER).to_bytes(32, "little")
    # points of small order, as keys and as R, with S = 0: an equation that holds for many messages
    small = [(1).to_bytes(32, "little"), (PRIME - 1).to_bytes(32, "little"), bytes(32), (2**255).to_bytes(32, "little")]
    high = [(PRIME + y).to_bytes(32, "little") for y in range(19)]
    minus_zero = ((1 << 255) + 1).to_bytes(32, "little")
    keys = [*small, *high, minus_zero]
    assert ask(node, ["ed25519", public.hex(), message.hex(), malleable.hex()]) == [False]
    forged = [["ed25519", key.hex(), message.hex(), (r + bytes(32)).hex()] for key in keys for r in keys]
    assert set(ask(node, *forged)) == {False}
    lengths = [["ed25519", public.hex(), message.hex(), good[:n].hex()] for n in (0, 32, 63)]
    assert ask(node, *lengths, ["ed25519", public[:31].hex(), message.hex(), good.hex()]) == [False] * 4


# --- What it knows by itself -----------------------------------------------------------------------------------------


def test_its_own_table_agrees_on_what_each_chain_is(node: str) -> None:
    shipped = networks.shipped()
    ours = {number: "test" if shipped.has_ended(number) else shipped.kind(number) for number in shipped.chain_ids()}
    (table,) = ask(node, ["CHAINS"])
    assert {int(number): kind for number, (_name, kind) in table.items()} == {n: k for n, k in ours.items() if k}


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("localhost", True), ("127.0.0.1", True), ("10.1.2.3", True), ("192.168.0.4", True), ("172.20.0.1", True),
        ("[::1]", True), ("[fe80::1]", True), ("node", True), ("node.local", True), ("node.example.org", False),
        ("8.8.8.8", False), ("172.32.0.1", False), ("[2001:db8::1]", False),
    ],
)  # fmt: skip
def test_a_node_nearby_is_known_as_such(node: str, host: str, near: bool) -> None:
    assert ask(node, ["isNear", host]) == [near]


@pytest.mark.parametrize(
    ("host", "theirs"),
    [
        ("touchstone.example", True),
        ("rpc.touchstone.example", True),
        ("example", True),
        ("nottouchstone.example", False),
        ("node.org", False),
    ],
)
def test_a_node_under_the_origins_name_is_known_as_such(node: str, host: str, theirs: bool) -> None:
    assert ask(node, ["isInsurers", host, "touchstone.example/log"]) == [theirs]
