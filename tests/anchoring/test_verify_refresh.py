"""`--refresh`: the newest version of the same proof replaces the file, and nothing else ever does."""

import json
import resource
import socket
import stat
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from anchoring import verify
from anchoring.verify import VerificationError
from tests.anchoring import event_world as chain
from tests.anchoring import history_world
from tests.anchoring import verify_world as world

TRUST = world.trust()
CLAIMS = world.alice_claims()
SEALED = world.sealed(CLAIMS)
LOCATED = world.finish(SEALED)
PROVED = world.finish(chain.proof(chain.GOOD))
UNANCHORED = world.finish({name: value for name, value in SEALED.items() if name != "anchor"})
PENDING = world.finish(world.pending(SEALED, 0, 1, 2))


@dataclass
class Portal:
    """What a server on loopback gives, and what it was asked: path and authorisation."""

    content: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    trickle: float = 0.0
    asked: list = field(default_factory=list)
    url: str = ""


@contextmanager
def portal(content=b"", **members):
    serving = Portal(content, **members)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            serving.asked.append((self.path, self.headers["Authorization"]))
            moved = serving.headers.get("Location", "").removeprefix(serving.url) == self.path
            self.send_response(200 if moved else serving.status)
            for name, value in serving.headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                for start in range(0, len(serving.content), 1 if serving.trickle else 1 << 20):
                    self.wfile.write(serving.content[start : start + (1 if serving.trickle else 1 << 20)])
                    time.sleep(serving.trickle)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield serving
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def refreshed(tmp_path):
    """What is said, and what then stands in the file."""

    def run(held, sent, *, seconds=5.0, **members):
        path = tmp_path / "alice.proof.json"
        path.write_bytes(held)
        with portal(sent, **members) as server:
            said = verify.refresh(str(path), server.url + "/proof", TRUST, seconds=seconds)
        assert [file.name for file in tmp_path.iterdir()] == ["alice.proof.json"]
        return said.replace(server.url.removeprefix("http://"), "HOST"), path.read_bytes()

    return run


@pytest.mark.parametrize(
    ("held", "sent", "gained"),
    [
        (PENDING, UNANCHORED, "line 2 now passed"),
        (PENDING, PROVED, "line 2 now passed, line 3 now passed, line 4 now not checked, line 5 now not checked"),
        (UNANCHORED, LOCATED, "line 3 now not checked, line 4 now not checked, line 5 now not checked"),
        (LOCATED, PROVED, "line 3 now passed"),
        (world.finish(world.pending(SEALED, 2)), LOCATED, "line 2 now passed"),
    ],
    ids=["sealed now", "anchored now", "located now", "its event now", "all sealed now"],
)
def test_a_better_version_of_the_same_record_replaces_the_file(refreshed, held, sent, gained):
    assert refreshed(held, sent) == (f"your file was replaced by the newest version: {gained}.", sent)


def test_a_version_with_more_entries_replaces_the_file(refreshed):
    leaves = world.log_of(CLAIMS)
    first = world.finish(world.sealed(CLAIMS[:1], leaves=leaves))
    assert refreshed(first, LOCATED) == ("your file was replaced by the newest version: 2 entries more.", LOCATED)


def test_a_version_that_shows_more_of_the_same_entries_replaces_the_file(refreshed):
    less = world.finish(world.sealed(CLAIMS, hide=("place", "note")))
    assert refreshed(less, LOCATED) == ("your file was replaced by the newest version: no line changed.", LOCATED)


def test_the_same_bytes_are_left_alone(refreshed):
    assert refreshed(PROVED, PROVED) == ("your file is the newest version.", PROVED)


STRANGERS = world.finish(world.sealed([world.record(3, "claim.submitted", {"number": "CLM-2026-000999-X"})]))
FORGED = world.sealed(CLAIMS)
FORGED["entries"][1]["index"] = 4
LESS_SHOWN = world.finish(world.sealed(CLAIMS, hide=("place",)))
FEWER = world.finish(world.sealed(CLAIMS[1:], leaves=world.log_of(CLAIMS)))
OTHER_ROOT = chain.with_receipt(chain.receipt(chain.transfer(), chain.event(data=bytes(96))))
LATER_IS_PENDING = [*CLAIMS, world.record(12, "claim.paid", {"amount_minor": 110_000})]
HALF_PENDING = world.pending(
    world.sealed(LATER_IS_PENDING, leaves=[*world.log_of(CLAIMS), LATER_IS_PENDING[3].text.encode()]), 3
)
HALF_PENDING["checkpoint"] = SEALED["checkpoint"]
for place, entry in enumerate(SEALED["entries"]):
    HALF_PENDING["entries"][place] = entry


def lacks(place, why):
    """The sentence about an entry of alice's."""
    return f"the version sent {why.format(json.loads(CLAIMS[place].text)['id'])}"


COMPLETE = history_world.complete(CLAIMS)
NO_HISTORY = world.finish({name: value for name, value in COMPLETE.items() if name != "history"})
WHY_NO_HISTORY = "the version sent is no whole history, and your file is: ask after the next anchor"


@pytest.mark.parametrize(
    ("held", "sent", "why"),
    [
        (world.finish(COMPLETE), NO_HISTORY, WHY_NO_HISTORY),
        (LOCATED, STRANGERS, lacks(0, "lacks the entry {}, so it is of another record")),
        (LOCATED, FEWER, lacks(0, "lacks the entry {}, so it is of another record")),
        (LOCATED, LESS_SHOWN, lacks(0, "shows less of the entry {}")),
        (PROVED, LOCATED, "line 3 of the version sent is not checked: needs --rpc with a node that you choose, or look"
         f" up transaction {world.ANCHOR['transaction']} yourself"),
        (LOCATED, UNANCHORED, "line 3 of the version sent is pending: not yet anchored: ask for a newer file later"),
        (LOCATED, PENDING, "line 2 of the version sent is pending: recorded, not yet sealed in the log"),
        (LOCATED, world.finish(FORGED), "line 2 of the version sent is failed: the path of entry 4 does not lead to the"
         " sealed root"),
        (LOCATED, world.finish(chain.proof(OTHER_ROOT)), "line 3 of the version sent is failed: the contract's event"
         " names another size or root than the checkpoint"),
        (LOCATED, world.finish(HALF_PENDING), "line 2 of the version sent is pending: 1 of 4 entries not yet under this"
         " checkpoint"),
    ],
    ids=["no history", "another record", "fewer entries", "less shown", "no event", "no anchor", "not sealed",
         "forged path", "forged event", "a pending entry more"],
)  # fmt: skip
def test_a_worse_version_never_replaces_the_file(refreshed, held, sent, why):
    assert refreshed(held, sent) == (f"your file is unchanged: {why}.", held)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "it is not canonical JSON"),
        (b"<html>Sign in</html>", "it is not canonical JSON"),
        (b"{}", 'it lacks "checksum"'),
        (PROVED[:-1], "it is not canonical JSON"),
        (world.note(world.receipt_text(), world.RECEIPT_KEY).encode(), "it is not canonical JSON"),
        (b"[" * 1_000_000, "it is not canonical JSON"),
    ],
    ids=["nothing", "a page", "no members", "cut off", "a receipt", "deep"],
)
def test_what_is_no_proof_never_replaces_the_file(refreshed, sent, why):
    said = f"your file is unchanged: HOST sent no proof ({why}); the address may need --token-file."
    assert refreshed(LOCATED, sent) == (said, LOCATED)


@pytest.mark.parametrize("status", [201, 204, 206, 302, 401, 403, 404, 429, 500, 503])
def test_an_answer_of_another_status_is_not_taken(refreshed, status):
    said, held = refreshed(LOCATED, PROVED, status=status)
    assert (said, held) == (f"your file is unchanged: HOST answered with HTTP status {status}.", LOCATED)


def test_an_endless_answer_is_given_up(refreshed):
    said, held = refreshed(LOCATED, bytes(verify.FILE_BYTES + 2))
    assert (said, held) == ("your file is unchanged: HOST answered with too much, or too slowly.", LOCATED)


def test_a_trickle_is_given_up(refreshed):
    started = time.monotonic()
    said, held = refreshed(LOCATED, PROVED[:60], trickle=0.05, seconds=0.5)
    assert (said, held) == ("your file is unchanged: HOST answered with too much, or too slowly.", LOCATED)
    assert time.monotonic() - started < 5


def test_a_portal_that_is_not_there_leaves_the_file_alone(tmp_path):
    path = tmp_path / "alice.proof.json"
    path.write_bytes(LOCATED)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/proof"
    assert verify.refresh(str(path), url, TRUST) == f"your file is unchanged: {url[7:-6]} did not answer."
    assert path.read_bytes() == LOCATED


def test_a_redirect_within_the_host_is_followed(refreshed):
    said, content = refreshed(LOCATED, PROVED, status=302, headers={"Location": "/newest"})
    assert (said, content) == ("your file was replaced by the newest version: line 3 now passed.", PROVED)


def test_a_redirect_to_another_host_or_port_is_not_followed(refreshed):
    with portal(PROVED) as elsewhere:
        said, content = refreshed(LOCATED, b"", status=302, headers={"Location": elsewhere.url + "/proof"})
    assert (said, content) == ("your file is unchanged: HOST answered with HTTP status 302.", LOCATED)
    assert elsewhere.asked == []


def test_the_token_goes_to_the_portal_and_nowhere_else(tmp_path):
    path = tmp_path / "alice.proof.json"
    path.write_bytes(LOCATED)
    with portal(PROVED) as server:
        verify.refresh(str(path), server.url + "/proof", TRUST, token="secret")
    assert server.asked == [("/proof", "Token secret")]
    with portal(PROVED) as elsewhere, portal(status=302, headers={"Location": elsewhere.url + "/x"}) as server:
        path.write_bytes(LOCATED)
        verify.refresh(str(path), server.url + "/proof", TRUST, token="secret")
    assert (server.asked, elsewhere.asked) == ([("/proof", "Token secret")], [])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "portal.example",
        "ftp://portal.example/x",
        "http://portal.example/x",
        "https://a:b@portal.example",
        "http://8.8.8.8/x",
    ],
)
def test_an_address_over_which_no_proof_should_travel_is_a_usage_error(tmp_path, url):
    path = tmp_path / "alice.proof.json"
    path.write_bytes(LOCATED)
    with pytest.raises(VerificationError) as refused:
        verify.refresh(str(path), url, TRUST)
    assert refused.value.exit_code == 2
    assert path.read_bytes() == LOCATED


@pytest.mark.parametrize(
    ("held", "exit_code"),
    [(world.note(world.receipt_text(), world.RECEIPT_KEY).encode(), 2), (b"{", 1), (LOCATED[:-1], 1), (b"", 2)],
)
def test_a_file_that_is_no_proof_is_not_refreshed_and_nobody_is_asked(tmp_path, held, exit_code):
    path = tmp_path / "alice.proof.json"
    path.write_bytes(held)
    with portal(PROVED) as server, pytest.raises(VerificationError) as refused:
        verify.refresh(str(path), server.url, TRUST)
    assert (refused.value.exit_code, server.asked, path.read_bytes()) == (exit_code, [], held)


def test_a_proof_of_absence_is_not_refreshed_and_nobody_is_asked(tmp_path):
    (tmp_path / "FILE").write_bytes(world.finish(history_world.absent()))
    with portal(PROVED) as server, pytest.raises(VerificationError, match="a proof of absence names nobody") as error:
        verify.refresh(str(tmp_path / "FILE"), server.url, TRUST)
    assert (error.value.exit_code, server.asked) == (2, [])


def test_an_unusable_trust_file_asks_nobody(tmp_path):
    path = tmp_path / "alice.proof.json"
    path.write_bytes(LOCATED)
    with portal(PROVED) as server, pytest.raises(VerificationError) as refused:
        verify.refresh(str(path), server.url, b"{}")
    assert (refused.value.exit_code, server.asked) == (2, [])


def test_the_replaced_file_keeps_its_permissions_and_a_link_to_it_stays_a_link(tmp_path):
    path, link = tmp_path / "alice.proof.json", tmp_path / "link"
    path.write_bytes(LOCATED)
    path.chmod(0o640)
    link.symlink_to(path)
    with portal(PROVED) as server:
        verify.refresh(str(link), server.url, TRUST)
    assert (link.is_symlink(), path.read_bytes()) == (True, PROVED)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_full_disk_leaves_the_file_alone_and_nothing_beside_it(tmp_path):
    path = tmp_path / "alice.proof.json"
    path.write_bytes(LOCATED)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with portal(PROVED) as server:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # no file may grow beyond it
        try:
            said = verify.refresh(str(path), server.url, TRUST)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert said == "your file is unchanged: it cannot be replaced: File too large."
    assert ([file.name for file in tmp_path.iterdir()], path.read_bytes()) == (["alice.proof.json"], LOCATED)


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, capsys):
    def run(held, *arguments):
        (tmp_path / "FILE").write_bytes(held)
        (tmp_path / "trust.json").write_bytes(TRUST)
        code = verify.main([str(tmp_path / "FILE"), "--trust", str(tmp_path / "trust.json"), *arguments])
        return code, capsys.readouterr().out

    return run


def test_what_now_stands_in_the_file_is_checked(run):
    with portal(PROVED) as server:
        code, out = run(LOCATED, "--refresh", server.url, "--block-hash", chain.block_hash())
    assert code == 0
    assert out.startswith(
        "Refresh: your file was replaced by the newest version: line 3 now passed.\n\nChecked against"
    )


def test_a_refresh_that_fails_leaves_the_verdict_to_the_file(run):
    with portal(status=503) as server:
        code, out = run(PROVED, "--refresh", server.url, "--block-hash", chain.block_hash(), "--json")
    assert code == 0
    assert json.loads(out)["refresh"] == (
        f"your file is unchanged: {server.url.removeprefix('http://')} answered with HTTP status 503."
    )


def test_without_refresh_nothing_is_said_of_it(run):
    code, out = run(PROVED, "--json")
    assert (code, json.loads(out)["refresh"]) == (3, None)


def test_a_token_is_read_from_a_file(run, tmp_path):
    (tmp_path / "token").write_text("abc123\n")
    with portal(PROVED) as server:
        code, _ = run(LOCATED, "--refresh", server.url, "--token-file", str(tmp_path / "token"), "--require", "1-3")
    assert (code, server.asked) == (0, [("/", "Token abc123")])


@pytest.mark.parametrize("text", ["", "two words", "new\nline", "ümlaut", "x" * 5000])
def test_a_file_that_holds_no_token_is_a_usage_error(run, tmp_path, text):
    (tmp_path / "token").write_text(text)
    with portal(PROVED) as server:
        code, _ = run(LOCATED, "--refresh", server.url, "--token-file", str(tmp_path / "token"))
    assert (code, server.asked) == (2, [])
