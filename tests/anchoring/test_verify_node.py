"""What the verifier makes of a node that is slow, silent, talkative or rude: never more than "not checked"."""

import json
import socket
import time

import pytest

from anchoring import verify
from anchoring.verify import VerificationError
from tests.anchoring import verify_world as world
from tests.anchoring.verify_world import Reply

PROOF = world.finish(world.sealed(world.alice_claims()))
TRUST = world.trust()
QUESTIONS = [
    world.CHAIN_CALL,
    world.GENESIS_CALL,
    world.RECEIPT_CALL,
    world.BLOCK_CALL,
    world.FINAL_CALL,
    world.CODE_CALL,
]
ALL_PASSED = ["passed"] * 5


def statuses(url: str, *, seconds: float = 5.0) -> list[str]:
    """Of the lines that speak of the proof's entries; 6 and 7 are of histories."""
    return [line.status for line in verify.verify(PROOF, TRUST, rpc=url, seconds=seconds).lines[:5]]


def test_an_honest_node_is_asked_each_question_once_and_nothing_else() -> None:
    with world.serve(world.answers()) as node:
        assert statuses(node.url) == ALL_PASSED
    assert node.asked == QUESTIONS


def test_without_rpc_nothing_touches_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    report = verify.verify(PROOF, TRUST)
    assert [line.status for line in report.lines] == ["passed", "passed", *["not checked"] * 5]
    assert report.exit_code == 3


GARBAGE = {
    "nothing": b"",
    "not JSON": b"<html>Too many requests</html>",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "no result": b'{"id":1,"jsonrpc":"2.0"}',
    "another id": b'{"id":2,"result":"0x1"}',
    "no id": b'{"result":"0x1"}',
    "not UTF-8": b'{"id":1,"result":"\xff"}',
    "deep": b"[" * 2_000_000,
    "a huge number": b'{"id":1,"result":' + b"9" * 1_000_000 + b"}",
    "not a number": b'{"id":1,"result":NaN}',
    "a lone surrogate": rb'{"id":1,"result":"\ud800"}',
    "an error": b'{"id":1,"error":{"code":-32000,"message":"\\u001b[2J pruned"}}',
    "an error that is a text": b'{"id":1,"error":"no"}',
    "a huge quantity": b'{"id":1,"result":"0x' + b"f" * 99_999 + b'"}',
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("question", QUESTIONS)
def test_garbage_speaks_neither_for_nor_against_the_proof(question: str, body: bytes) -> None:
    with world.serve(world.answers(), {question: Reply(body)}) as node:
        found = statuses(node.url)
    assert found[:2] == ["passed", "passed"]
    assert "failed" not in found
    assert "not checked" in found


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 429, 500, 503])
def test_an_http_error_or_a_redirect_leaves_the_lines_unchecked(status: int) -> None:
    with world.serve(world.answers()) as elsewhere:
        reply = Reply(b"{}", status=status, headers={"Location": elsewhere.url})
        with world.serve(world.answers(), dict.fromkeys(QUESTIONS, reply)) as node:
            report = verify.verify(PROOF, TRUST, rpc=node.url)
    assert [line.status for line in report.lines][2:5] == ["not checked"] * 3
    assert report.lines[2].text.endswith(f"answered with HTTP status {status}")
    assert elsewhere.asked == []


def test_a_node_that_is_not_there_is_tried_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    report = verify.verify(PROOF, TRUST, rpc=url)
    assert [line.text for line in report.lines][2:5] == [f"{url[7:]} did not answer"] * 3
    assert report.exit_code == 3


def test_a_node_that_never_answers_is_given_up_once_and_for_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        found = statuses(f"http://127.0.0.1:{listener.getsockname()[1]}", seconds=0.3)
    assert found[2:] == ["not checked"] * 3
    assert time.monotonic() - started < 2


def test_a_trickle_is_cut_off_though_each_byte_comes_in_time() -> None:
    slow = Reply(b" " * 10_000, trickle=0.05)
    started = time.monotonic()
    with world.serve(world.answers(), {world.CHAIN_CALL: slow}) as node:
        assert statuses(node.url, seconds=0.3)[2:] == ["not checked"] * 3
    assert time.monotonic() - started < 3


def test_an_endless_answer_is_cut_off() -> None:
    endless = Reply(b" " * (verify.ANSWER_BYTES + 2**20))
    with world.serve(world.answers(), {world.CODE_CALL: endless}) as node:
        assert statuses(node.url) == [*ALL_PASSED[:4], "not checked"]


def test_code_beyond_every_contract_is_not_hashed() -> None:
    with world.serve({**world.answers(), world.CODE_CALL: "0x" + "00" * (verify.CODE_BYTES + 1)}) as node:
        assert statuses(node.url) == [*ALL_PASSED[:4], "not checked"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "node.example",
        "file:///etc/passwd",
        "ftp://node.example",
        "ws://node.example",
        "http://",
        "http://[::1",
        "http://node.example:port",
        "http://node.example:99999",
        "https://user:secret@node.example",
        "http://no\x1bde.example",
        "http://nöde.example",
    ],
)
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises(VerificationError) as refused:
        verify.verify(PROOF, TRUST, rpc=url)
    assert refused.value.exit_code == 2


def test_the_host_is_named_without_the_secrets_of_its_address() -> None:
    assert verify.Node("https://node.example:8545/v3/secret?key=secret", 1.0).host == "node.example:8545"


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://localhost:8545", True),
        ("http://node.localhost", True),
        ("http://127.0.0.1:8545", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8545", True),
        ("http://0.0.0.0", True),
        ("http://192.168.1.7", True),
        ("http://10.0.0.1", True),
        ("http://node.local", True),
        ("https://node.example", False),
        ("https://8.8.8.8", False),
        ("https://localhost.example", False),
    ],
)
def test_a_node_nearby_cannot_be_known_to_be_independent(url: str, near: bool) -> None:
    assert verify.Node(url, 1.0).near is near


@pytest.mark.parametrize(
    ("host", "insurers"),
    [
        ("touchstone.example", True),
        ("rpc.touchstone.example:8545", True),
        ("TOUCHSTONE.example", True),
        ("example", True),
        ("node.example", False),
        ("nottouchstone.example", False),
        ("touchstone.example.org", False),
    ],
)
def test_a_host_under_the_origins_name_looks_like_the_insurers_own(host: str, insurers: bool) -> None:
    assert verify.looks_like_insurers(host, world.ORIGIN) is insurers


def test_the_report_warns_of_a_node_that_looks_like_the_insurers_own() -> None:
    """It is not asked anything here: nothing was sealed yet."""
    pending = world.finish(world.pending(world.sealed(world.alice_claims()), 0, 1, 2))
    report = verify.verify(pending, TRUST, rpc="https://rpc.touchstone.example")
    assert report.warnings[-1] == (
        "rpc.touchstone.example looks like the insurer's own: its word on lines 3 to 5 is the insurer's word."
        " Ask a node of somebody else."
    )


def test_line_4_names_the_host_and_the_report_warns_of_a_near_one() -> None:
    with world.serve(world.answers()) as node:
        report = verify.verify(PROOF, TRUST, rpc=node.url)
    host = node.url.removeprefix("http://")
    assert report.lines[3].text == (
        f"block 7654321 of Sepolia, of 2026-11-23 12:00:00 UTC, is final, as told by {host}"
    )
    assert report.warnings[1].startswith(f"{host} is on this computer or network")
    assert report.verdict == (
        "The facts shown were sealed in the log before 2026-11-23 12:00:00 UTC and have not been altered since."
    )


def test_a_block_time_beyond_the_calendar_is_still_a_report() -> None:
    late = {**world.block(world.BLOCK, world.word("block")), "timestamp": "0x" + "f" * 64}
    with world.serve({**world.answers(), world.BLOCK_CALL: late}) as node:
        assert statuses(node.url) == ALL_PASSED


def test_line_5_lists_the_registrations_that_it_does_not_cover() -> None:
    older = {**world.REGISTRATION, "contract": "0x" + "33" * 20, "chain_id": 560048}
    with world.serve(world.answers()) as node:
        trust = world.trust(registrations=[older, world.REGISTRATION])
        report = verify.verify(PROOF, trust, rpc=node.url)
        trust = world.trust(registrations=[world.REGISTRATION, older])
        behind = verify.verify(PROOF, trust, rpc=node.url)
    assert report.lines[4].text == (
        f"the published code stands at the current registration; not covered: 0x{'33' * 20} on Hoodi"
    )
    assert behind.lines[4].text == "the published code stands at registration 1 of 2, not the current one"


def test_a_changed_anchor_is_never_accepted() -> None:
    """Every character of the locator, with the checksum repaired, against a node that answers honestly."""
    outcomes = set()
    with world.serve(world.answers()) as node:
        for member, value in world.ANCHOR.items():
            for place in range(0, len(str(value)), 4):
                outcomes.add(exit_code_of(member, value, place, node.url))
    assert outcomes == {1, 3}


def exit_code_of(member: str, value: str | int, place: int, url: str) -> int:
    text = str(value)
    other = text[:place] + ("1" if text[place] != "1" else "2") + text[place + 1 :]
    document = world.sealed(world.alice_claims())
    document["anchor"][member] = int(other) if isinstance(value, int) else other
    try:
        return verify.verify(world.finish(document), TRUST, rpc=url).exit_code
    except VerificationError as refused:
        return refused.exit_code


def test_the_request_is_json_rpc() -> None:
    assert [json.loads(question)[0] for question in QUESTIONS] == [
        "eth_chainId",
        "eth_getBlockByNumber",
        "eth_getTransactionReceipt",
        "eth_getBlockByNumber",
        "eth_getBlockByNumber",
        "eth_getCode",
    ]
