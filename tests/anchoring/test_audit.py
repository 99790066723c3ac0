"""The auditor: one file that recomputes a log from its entries and cosigns it, or says what is wrong with it."""

import ast
import json
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from anchoring import audit, verify
from anchoring.protocol.bundle import bundle_path, encode_bundle, parse_bundle
from tests.anchoring import history_world as h
from tests.anchoring import verify_world as world
from tests.anchoring.protocol import reference_map
from tests.anchoring.protocol.mutations import flipped
from tests.vectors import history_cases

SOURCE = Path(audit.__file__).read_text()
TEXTS = h.with_state(h.texts_of(world.alice_claims()))


def noted(number: int, record: str = "") -> str:
    """A small entry about one of some fifty records."""
    about = {"subject": world.subject(record=record or world.uuid(f"record {number % 53}"))}
    return world.record(2, "thing.noted", {"n": number}, id=world.uuid(f"entry {number}"), **about).text


def long_log(count: int) -> list[str]:
    """A state after each hundred entries and at the end."""
    texts: list[str] = []
    for number in range(count):
        texts.append(noted(number))
        if number % 100 == 99 and number + 1 < count:
            texts.append(h.state_of(texts))
    return h.with_state(texts)


def with_members(**members: Any) -> str:
    """A small entry with other members; ``...`` leaves one out."""
    document = {**json.loads(noted(1)), **members}
    return world.canonical({name: value for name, value in document.items() if value is not ...}).decode()


def publish(folder: Path, texts: list[str], *signers: world.Signer, text: str = "") -> Path:
    """Checkpoint and bundles as they are served; partial bundles only as this size needs them."""
    leaves = [entry.encode() for entry in texts]
    folder.mkdir(exist_ok=True)
    note = world.note(text or world.checkpoint_text(leaves), *(signers or (world.LOG_KEY,)))
    (folder / "checkpoint").write_text(note, encoding="utf-8")
    for start in range(0, len(leaves), 256):
        part = leaves[start : start + 256]
        path = folder / bundle_path(start // 256, len(part) if len(part) < 256 else None)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_bundle(part))
    return folder


class Auditor:
    """Somebody with a key and a memory who runs the program."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.key, self.state = folder / "auditor.key", folder / "state.json"
        self.key.write_text(audit.AuditorKey(world.AUDITOR.name, world.sha256(world.AUDITOR.label.encode())).text)
        self.out = ""

    def run(self, source: Path | str, *more: str) -> tuple[int, str]:
        """Exit code and the words; what was printed beside them is in ``out``."""
        arguments = ["--log-key", world.LOG_KEY.key(), "--key", str(self.key), "--state", str(self.state), *more]
        code = audit.main(["run", str(source), *arguments])
        captured = self.capsys.readouterr()
        self.out = captured.out
        return code, captured.err.strip().split("\n")[-1]


@pytest.fixture
def auditor(tmp_path, capsys) -> Auditor:
    return Auditor(tmp_path, capsys)


def said(code: int, words: str) -> tuple[int, str]:
    heads = {0: "done", 1: "THE LOG IS AT FAULT", 2: "not started", 3: "not cosigned"}
    return code, f"AUDIT (exit {code}, {heads[code]}): {words}"


# The file itself -----------------------------------------------------------------------------------------------------


def test_it_imports_nothing_but_the_standard_library() -> None:
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) == set()


def test_it_keeps_to_python_3_9() -> None:
    ast.parse(SOURCE, feature_version=(3, 9))
    newer = {"bit_count", "pairwise", "batched", "file_digest", "add_note", "UTC", "StrEnum", "TaskGroup"}
    tree = ast.parse(SOURCE)
    assert {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & newer == set()
    keywords = {word.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords}
    assert keywords & {"strict", "slots", "kw_only"} == set()


def test_its_functions_are_short() -> None:
    functions = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.FunctionDef)]
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for node in functions)
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[-1] <= 40


@pytest.mark.parametrize("version", ["3.9", "3.11", "3.13"])
def test_copied_alone_into_an_empty_folder_it_cosigns(tmp_path, version) -> None:
    python = sys.executable if version == "3.11" else shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"Python {version} is not installed here")
    shutil.copy(audit.__file__, tmp_path / "audit.py")
    publish(tmp_path / "log", TEXTS)
    made = subprocess.run(
        [python, "-I", "audit.py", "keygen", "--name", "a.example", "--key", "k"], cwd=tmp_path, capture_output=True,
        text=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    run = ["run", "log", "--log-key", world.LOG_KEY.key(), "--key", "k", "--state", "s"]
    done = subprocess.run(
        [python, "-I", "audit.py", *run], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert (made.returncode, done.returncode) == (0, 0)
    document = h.complete(cosigned=False)
    document["checkpoint"] += done.stdout
    trust = world.trust(auditors=[made.stdout.strip()])
    report = verify.verify(world.finish(document), trust, subject=h.NAMED, require=frozenset({1, 2, 6, 7}))
    assert report.exit_code == 0


# Its parts -----------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
def test_it_signs_as_others_do(seed, message) -> None:
    theirs = Ed25519PrivateKey.from_private_bytes(seed)
    assert audit.ed25519_public(seed) == theirs.public_key().public_bytes_raw()
    signature = audit.ed25519_sign(seed, message)
    assert signature == theirs.sign(message)
    assert audit.ed25519_verify(audit.ed25519_public(seed), message, signature)
    assert not audit.ed25519_verify(audit.ed25519_public(seed), message + b"x", signature)
    assert not audit.ed25519_verify(audit.ed25519_public(seed), message, flipped(signature, 300))


subjects = st.integers(0, 40).map(lambda n: world.sha256(b"%d" % n))
twins = st.builds(lambda n, bit: flipped(world.sha256(b"%d" % n), bit), st.integers(0, 3), st.integers(0, 255))


@settings(max_examples=60, deadline=None)
@given(log=st.lists(st.tuples(subjects | twins, st.binary(min_size=32, max_size=32)), max_size=100), data=st.data())
def test_its_map_is_the_one_by_definition_at_every_size(log, data) -> None:
    asked = {*data.draw(st.lists(st.integers(0, len(log)), max_size=5)), len(log)}
    made = audit.SubjectMap()
    for size in range(len(log) + 1):
        if size in asked:
            assert made.root() == reference_map.root(log[:size])
            assert made.subjects == len(reference_map.values(log[:size]))
        if size < len(log):
            made.add(log[size][0], size, log[size][1])


def test_bundles_are_read_as_the_portal_writes_them() -> None:
    entries = [text.encode() for text in TEXTS]
    assert audit.split_bundle(encode_bundle(entries), len(entries)) == entries
    assert [audit.bundle_path(n, 256) for n in (0, 255, 1234067)] == [bundle_path(n) for n in (0, 255, 1234067)]
    assert audit.bundle_path(7, 3) == bundle_path(7, 3)


# A good log ----------------------------------------------------------------------------------------------------------


def test_a_log_that_agrees_is_cosigned(auditor, tmp_path) -> None:
    publish(tmp_path / "log", TEXTS)
    assert auditor.run(tmp_path / "log") == said(0, "All 9 entries agree; cosigned as auditor.example.")
    document = h.complete(cosigned=False)
    document["checkpoint"] += auditor.out
    report = verify.verify(world.finish(document), world.trust(), subject=h.NAMED, require=frozenset({1, 2, 6, 7}))
    assert report.exit_code == 0
    assert json.loads(auditor.state.read_text()) == {
        "faults": [], "origin": world.ORIGIN, "root": world.b64(world.root_of([t.encode() for t in TEXTS])), "size": 9,
    }  # fmt: skip


def test_a_log_of_many_bundles_is_recomputed_again_as_it_grows(auditor, tmp_path) -> None:
    publish(tmp_path / "log", long_log(300))
    assert auditor.run(tmp_path / "log")[0] == 0
    publish(tmp_path / "log", long_log(700))
    assert auditor.run(tmp_path / "log") == said(0, "All 707 entries agree; cosigned as auditor.example.")


def test_the_log_of_one_state_alone_is_cosigned(auditor, tmp_path) -> None:
    publish(tmp_path / "log", h.with_state([]))
    assert auditor.run(tmp_path / "log")[0] == 0


def test_the_same_checkpoint_can_be_cosigned_again(auditor, tmp_path) -> None:
    publish(tmp_path / "log", TEXTS)
    assert [auditor.run(tmp_path / "log")[0] for _ in range(2)] == [0, 0]


def test_a_full_bundle_serves_where_the_partial_one_is_gone(auditor, tmp_path) -> None:
    texts = long_log(300)
    publish(tmp_path / "log", texts[:-1])
    short = h.with_state(texts[:200])
    publish(tmp_path / "other", short)
    shutil.rmtree(tmp_path / "other" / "tile")
    longer = [*short, *(world.record(3, "thing.noted", {"n": n}).text for n in range(60))]
    (tmp_path / "other" / "tile" / "entries").mkdir(parents=True)
    (tmp_path / "other" / bundle_path(0)).write_bytes(encode_bundle([text.encode() for text in longer[:256]]))
    assert auditor.run(tmp_path / "other")[0] == 0


def test_the_line_can_go_to_a_file_as_well(auditor, tmp_path) -> None:
    publish(tmp_path / "log", TEXTS)
    assert auditor.run(tmp_path / "log", "--out", str(tmp_path / "deep" / "line"))[0] == 0
    assert (tmp_path / "deep" / "line").read_text(encoding="utf-8") == auditor.out


def test_another_checkpoint_than_the_newest_can_be_named(auditor, tmp_path) -> None:
    publish(tmp_path / "old", TEXTS)
    publish(tmp_path / "log", [*TEXTS, world.record(9, "thing.noted", {"n": 1}).text])
    assert auditor.run(tmp_path / "log") == said(
        3, "the checkpoint does not end with a state entry of a right map: it is not for auditors"
    )
    shutil.copy(tmp_path / "old" / bundle_path(0, 9), tmp_path / "log" / bundle_path(0, 9))
    assert auditor.run(tmp_path / "log", "--checkpoint", str(tmp_path / "old" / "checkpoint"))[0] == 0


# Faults of the log ---------------------------------------------------------------------------------------------------


def faulty(texts: list[str], position: int, new: str) -> list[str]:
    return [*texts[:position], new, *texts[position + 1 :]]


def test_entries_that_do_not_make_the_tree_are_a_fault(auditor, tmp_path) -> None:
    text = world.checkpoint_text([b"another", *(text.encode() for text in TEXTS[1:])])
    publish(tmp_path / "log", TEXTS, text=text)
    wanted = said(1, "the entries do not make the tree that the checkpoint names")
    assert auditor.run(tmp_path / "log") == wanted
    assert auditor.out == ""
    assert not auditor.state.exists()


def test_a_map_that_does_not_follow_from_the_entries_is_never_cosigned(auditor, tmp_path) -> None:
    """The attack that nothing else stops: the insurer's own map forgets an entry."""
    texts, _ = history_cases._map_without_the_last()
    publish(tmp_path / "log", texts)
    assert auditor.run(tmp_path / "log") == said(
        1,
        "state entry 8 names a map that does not follow from the entries: histories shown under it may lack something",
    )
    assert auditor.out == ""
    assert auditor.run(tmp_path / "log", "--known-fault", "8") == said(
        3, "the checkpoint does not end with a state entry of a right map: it is not for auditors"
    )


WRONG_STATES = {
    "says that it covers 7 entries, not 8": {"size": 7},
    "counts 5 subjects, not 4": {"subjects": 5},
    "names a map that does not follow from the entries": {"map_root": "ab" * 32},
    "is not a state of this log": {"note": "x"},
}


@pytest.mark.parametrize("words", WRONG_STATES)
def test_a_wrong_state_on_the_way_is_named_until_it_is_known(auditor, tmp_path, words) -> None:
    texts = h.with_state(h.texts_of(world.alice_claims()), **WRONG_STATES[words])
    publish(tmp_path / "log", h.with_state(texts))
    wanted = said(1, f"state entry 8 {words}: histories shown under it may lack something")
    assert auditor.run(tmp_path / "log") == wanted
    assert auditor.run(tmp_path / "log", "--known-fault", "8")[0] == 0
    assert json.loads(auditor.state.read_text())["faults"] == [8]
    assert auditor.run(tmp_path / "log")[0] == 0


@pytest.mark.parametrize(
    "data",
    [
        {"map_root": "AB" * 32}, {"map_root": 1}, {"size": "8"}, {"size": -1}, {"subjects": ...}, {"chain_id": 0},
        {"chain_id": "1"}, {"block_number": ...}, {"block_number": -1}, {"block_hash": "ab" * 32},
    ],
)  # fmt: skip
def test_a_state_of_another_form_is_none(auditor, tmp_path, data) -> None:
    publish(tmp_path / "log", h.with_state(h.texts_of(world.alice_claims()), **data))
    wanted = said(1, "state entry 8 is not a state of this log: histories shown under it may lack something")
    assert auditor.run(tmp_path / "log") == wanted


def test_a_state_about_another_log_is_none(auditor, tmp_path) -> None:
    texts = h.texts_of(world.alice_claims())
    foreign = h.state_of(texts).replace(world.subject("log", world.ORIGIN), world.subject("log", "other.example/log"))
    publish(tmp_path / "log", [*texts, foreign])
    assert "state entry 8 is not a state of this log" in auditor.run(tmp_path / "log")[1]


def test_a_rewritten_past_is_seen_though_the_new_log_agrees_with_itself(auditor, tmp_path) -> None:
    publish(tmp_path / "log", TEXTS)
    assert auditor.run(tmp_path / "log")[0] == 0
    rewritten = h.with_state(
        h.with_state(h.texts_of([*world.alice_claims()[:2], world.record(9, "thing.noted", {"a": 1})]))
    )
    publish(tmp_path / "log", rewritten)
    assert auditor.run(tmp_path / "log") == said(
        1, "the past was rewritten: the log that was cosigned last is not its beginning"
    )
    before = json.loads(auditor.state.read_text())
    assert (before["size"], auditor.out) == (9, "")


def test_an_older_checkpoint_is_not_cosigned_after_a_newer_one(auditor, tmp_path) -> None:
    publish(tmp_path / "log", h.with_state(TEXTS))
    assert auditor.run(tmp_path / "log")[0] == 0
    publish(tmp_path / "log", TEXTS)
    assert auditor.run(tmp_path / "log") == said(
        3, "the checkpoint of size 9 is older than the one cosigned last, of size 10"
    )


entry = json.loads(world.alice_claims()[0].text)
MALFORMED = {
    "white space": json.dumps(entry),
    "a doubled member": '{"at":"x",' + world.alice_claims()[0].text[1:],
    "two subjects": world.alice_claims()[0].text[:-1] + f',"subject":"{"ab" * 32}"}}',
    "not JSON": "entry",
    "a list": "[]",
    "deep": '{"a":' + "[" * 9 + "]" * 9 + "}",
    "very deep": "[" * 30_000 + "]" * 30_000,
    "a float": world.alice_claims()[0].text.replace('"v":1', '"v":1.0'),
    **{
        f"{name} {value!r}": with_members(**{name: value})
        for name, value in [
            ("v", 2), ("v", True), ("at", "2026-02-30T09:14:07.123456Z"), ("at", "2026-11-02T09:14:07Z"), ("at", 1),
            ("id", "1"), ("kind", "thing"), ("kind", 1), ("subject", "ab"), ("subject", 1), ("fields", {}),
            ("fields", ...), ("fields", {"A": "x"}), ("fields", {"a": "AAAA"}), ("fields", {"a": 1}), ("data", {}),
            ("note", "x"),
        ]
    },
    **{
        f"data {data!r:.20}": with_members(kind="log.noted", fields=..., data=data)
        for data in ([], {"a": {}}, {"a": True}, {f"a{n}": n for n in range(65)})
    },
}  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_entry_is_a_fault(auditor, tmp_path, text) -> None:
    publish(tmp_path / "log", h.with_state(TEXTS[:2])[:2] + [text])
    code, words = auditor.run(tmp_path / "log")
    assert code == 1
    assert words.startswith("AUDIT (exit 1, THE LOG IS AT FAULT): entry 2 is malformed: ")


def test_a_checkpoint_that_the_log_did_not_sign_is_a_fault(auditor, tmp_path) -> None:
    publish(tmp_path / "log", TEXTS, world.STRANGER)
    assert auditor.run(tmp_path / "log") == said(1, "the checkpoint is not signed with the --log-key")
    other = world.Signer("other.example/log", "log key of 2026")
    publish(tmp_path / "log", TEXTS, other, text=world.checkpoint_text([b"a"], "other.example/log"))
    assert auditor.run(tmp_path / "log") == said(1, "the checkpoint is not signed with the --log-key")
    note = publish(tmp_path / "log", TEXTS) / "checkpoint"
    note.write_text(note.read_text(encoding="utf-8").replace("\n9\n", "\n8\n"), encoding="utf-8")
    assert auditor.run(tmp_path / "log") == said(1, "the log's signature under the checkpoint is wrong")


@pytest.mark.parametrize("note", [b"", b"\xff", b"text\n", b"o\n1\nAAAA\n\n\xe2\x80\x94 o AAAAAAAA\n", b"x" * 200_000])
def test_what_is_no_checkpoint_is_a_fault(auditor, tmp_path, note) -> None:
    (publish(tmp_path / "log", TEXTS) / "checkpoint").write_bytes(note)
    assert auditor.run(tmp_path / "log") == said(1, "the checkpoint is not a signed note of origin, size and root")


def test_a_checkpoint_signed_by_both_log_keys_is_the_logs(auditor, tmp_path) -> None:
    publish(tmp_path / "log", TEXTS, world.LOG_KEY, world.NEXT_LOG_KEY)
    assert auditor.run(tmp_path / "log", "--log-key", world.NEXT_LOG_KEY.key())[0] == 0


# The source ----------------------------------------------------------------------------------------------------------


def test_a_log_that_withholds_entries_is_not_cosigned(auditor, tmp_path) -> None:
    publish(tmp_path / "log", long_log(300))
    (tmp_path / "log" / bundle_path(0)).unlink()
    wanted = said(3, "tile/entries/000 is not there: the log does not hand out its entries")
    assert auditor.run(tmp_path / "log") == wanted
    (tmp_path / "log" / "checkpoint").unlink()
    assert auditor.run(tmp_path / "log") == said(3, f"there is no checkpoint in {tmp_path / 'log'}")


def test_a_bundle_cut_short_or_with_an_entry_too_few_is_none(auditor, tmp_path) -> None:
    log = publish(tmp_path / "log", TEXTS)
    whole = (log / bundle_path(0, 9)).read_bytes()
    entries = parse_bundle(whole, width=9)
    for broken in (whole[:-1], whole + b"\x00", encode_bundle(entries[:-1]), b""):
        (log / bundle_path(0, 9)).write_bytes(broken)
        assert auditor.run(log) == said(1, "tile/entries/000.p/9 is not a bundle of 9 entries")


class Portal:
    """A server of bundles that wants a token, and takes what is posted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, ""
        self.asked: list[str] = []
        self.posted: list[tuple[str, str, str]] = []
        self.broken: set[str] = set()
        self.status = 200


@contextmanager
def serve(folder: Path) -> Iterator[Portal]:
    portal = Portal(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(portal))
    portal.url = f"http://127.0.0.1:{server.server_port}/log"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield portal
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(portal: Portal) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = self.path.removeprefix("/log/")
            portal.asked.append(place)
            file = portal.folder / place
            if self.headers.get("Authorization") != "Bearer secret":
                self._answer(403)
            elif place in portal.broken:
                self._answer(portal.status, location="/log/checkpoint")
            else:
                self._answer(200 if file.exists() else 404, file.read_bytes() if file.exists() else b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            portal.posted.append((self.path, self.headers["Authorization"], body))
            self._answer(portal.status)

        def _answer(self, status: int, body: bytes = b"", location: str = "") -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler


@pytest.fixture
def token(tmp_path) -> str:
    (tmp_path / "token").write_text("secret\n")
    return str(tmp_path / "token")


def test_bundles_are_fetched_with_the_token_and_the_cosignature_is_posted(auditor, tmp_path, token) -> None:
    publish(tmp_path / "log", long_log(300))
    with serve(tmp_path / "log") as portal:
        post = f"{portal.url}/cosign/{{size}}"
        assert auditor.run(portal.url, "--token-file", token, "--post", post)[0] == 0
        assert portal.asked == ["checkpoint", "tile/entries/000", "tile/entries/001.p/47"]
        assert portal.posted == [("/log/cosign/303", "Bearer secret", auditor.out)]
        assert auditor.run(portal.url) == said(3, f"{portal.url}/checkpoint: HTTP status 403")


def test_an_interrupted_run_goes_on_where_it_stopped(auditor, tmp_path, token) -> None:
    texts = long_log(700)
    publish(tmp_path / "log", texts)
    keep = ["--keep", str(tmp_path / "kept"), "--token-file", token]
    with serve(tmp_path / "log") as portal:
        portal.broken, portal.status = {"tile/entries/001"}, 503
        assert auditor.run(portal.url, *keep) == said(3, f"{portal.url}/tile/entries/001: HTTP status 503")
        portal.broken = set()
        portal.asked.clear()
        assert auditor.run(portal.url, *keep)[0] == 0
        assert portal.asked == ["checkpoint", "tile/entries/001", "tile/entries/002.p/195"]
        (tmp_path / "kept" / "tile" / "entries" / "000").write_bytes(b"half")  # as a full disk leaves it
        assert auditor.run(portal.url, *keep)[0] == 0


def test_a_server_that_rewrites_a_bundle_is_seen_by_who_kept_the_first(auditor, tmp_path, token) -> None:
    texts = long_log(300)
    publish(tmp_path / "log", texts)
    keep = ["--keep", str(tmp_path / "kept"), "--token-file", token]
    with serve(tmp_path / "log") as portal:
        assert auditor.run(portal.url, *keep)[0] == 0
        rewritten = [text for text in texts[3:] if '"log.state"' not in text]
        publish(tmp_path / "log", h.with_state(rewritten + long_log(100)[:40]))
        assert auditor.run(portal.url, *keep)[0] == 1


@pytest.mark.parametrize("status", [301, 302, 307, 500])
def test_a_redirect_or_an_error_is_no_bundle(auditor, tmp_path, token, status) -> None:
    publish(tmp_path / "log", TEXTS)
    with serve(tmp_path / "log") as portal:
        portal.broken, portal.status = {"tile/entries/000.p/9"}, status
        assert auditor.run(portal.url, "--token-file", token)[0] == 3
        assert portal.asked == ["checkpoint", "tile/entries/000.p/9"]


def test_a_cosignature_that_is_not_taken_is_said(auditor, tmp_path, token) -> None:
    publish(tmp_path / "log", TEXTS)
    with serve(tmp_path / "log") as portal:
        portal.status = 400
        code, words = auditor.run(portal.url, "--token-file", token, "--post", f"{portal.url}/cosign")
    assert (code, words) == said(3, f"cosigned, but it was not taken: {portal.url}/cosign: HTTP status 400")
    assert auditor.out.startswith("\u2014 auditor.example ")


def test_a_silent_server_is_no_fault_of_the_log(auditor, tmp_path) -> None:
    with serve(tmp_path) as portal:
        url = portal.url
    assert auditor.run(url) == said(3, f"{url}/checkpoint: no answer; run this again, it goes on where it stopped")


@pytest.mark.parametrize("url", ["http://log.example", "ftp://127.0.0.1", "http://10.0.0.1/log", "https://"])
def test_nothing_travels_unencrypted_beyond_this_machine(auditor, url) -> None:
    assert auditor.run(url) == said(2, f"{url}: an https address is needed")
    assert auditor.run(auditor.folder, "--post", url) == said(2, f"{url}: an https address is needed")


# One's own files -----------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_for_its_owner_alone(tmp_path, capsys) -> None:
    path = tmp_path / "key"
    assert audit.main(["keygen", "--name", "auditor.example", "--key", str(path)]) == 0
    public = capsys.readouterr().out.strip()
    key = audit.AuditorKey.parse(path.read_text())
    assert (key.verifier_key, stat.S_IMODE(path.stat().st_mode)) == (public, 0o600)
    assert verify.read_key(public, "it", name="auditor.example", kind=4).public == key.public
    assert audit.main(["keygen", "--name", "auditor.example", "--key", str(path)]) == 2
    assert audit.AuditorKey.parse(path.read_text()) == key


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\u202eb"])
def test_a_name_that_no_key_can_have_is_refused(tmp_path, name, capsys) -> None:
    assert audit.main(["keygen", "--name", name, "--key", str(tmp_path / "key")]) == 2
    assert "--name: a name without white space and without +" in capsys.readouterr().err


def test_keys_that_are_none_are_refused(auditor, tmp_path) -> None:
    publish(tmp_path / "log", TEXTS)
    assert auditor.run(tmp_path / "log", "--log-key", world.LOG_KEY.key(4)) == said(
        2, "--log-key: not an Ed25519 verifier key, as it stands in trust.json"
    )
    good = auditor.key.read_text()
    for bad in ("", "PRIVATE+KEY+a", good.replace("+auditor", "+other"), good.replace("PRIVATE", "PUBLIC")):
        auditor.key.write_text(bad)
        assert auditor.run(tmp_path / "log")[0] == 2
    auditor.key.write_bytes(b"\xff")
    assert auditor.run(tmp_path / "log") == said(2, f"--key {auditor.key}: not a text")
    auditor.key.unlink()
    assert auditor.run(tmp_path / "log") == said(2, f"--key {auditor.key}: no such file")


def test_a_memory_that_is_none_or_of_another_log_is_refused(auditor, tmp_path) -> None:
    publish(tmp_path / "log", TEXTS)
    for bad in ("", "{}", "[]", '{"origin":"x","size":"y","root":"","faults":[]}'):
        auditor.state.write_text(bad)
        assert auditor.run(tmp_path / "log") == said(2, f"{auditor.state}: not a state file of this program")
    audit.Remembered("other.example/log", 1, bytes(32), frozenset()).save(str(auditor.state))
    assert auditor.run(tmp_path / "log") == said(2, "--state: it remembers another log")


@pytest.mark.parametrize(
    "arguments", [[], ["run"], ["run", "log"], ["keygen"], ["look"], ["run", "log", "--known-fault", "x"]]
)
def test_wrong_usage_exits_2(arguments, capsys) -> None:
    assert audit.main(arguments) == 2
    assert "usage: audit.py" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_said(auditor, tmp_path) -> None:
    publish(tmp_path / "log", TEXTS)
    assert auditor.run(tmp_path / "log", "--out", str(tmp_path / "log"))[0] == 2
    assert auditor.run(tmp_path / "log" / "checkpoint")[0] == 2
