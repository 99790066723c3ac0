"""Cosignatures: an auditor of trust.json recomputes the log and every later proof says so."""

import json
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from anchoring import audit, config, log, mapping, proofs, verify
from anchoring.bundles import bundle
from anchoring.cosignatures import CosignatureRefused, accept_cosignature
from anchoring.models import Checkpoint, Cosignature, MapPage, TrustVersion
from anchoring.protocol.bundle import bundle_path
from anchoring.protocol.state import Block
from anchoring.seal import sequencer
from anchoring.trust import auditors, trust_file
from tests.anchoring.log_world import (
    ALICE,
    BOB,
    a_chain,
    a_subject,
    anchor_all,
    note,
    notes,
    register,
    seal_with_state,
    sql,
)

pytestmark = pytest.mark.django_db
KEY = audit.AuditorKey("auditor.example", b"A" * 32)
OTHER = audit.AuditorKey("other-auditor.example", b"B" * 32)


@pytest.fixture(autouse=True)
def _an_auditor(settings) -> None:
    settings.AUDITOR_KEYS = [KEY.verifier_key]


def served(folder: Path, size: int) -> Path:
    """The log as it is handed out to auditors."""
    folder.mkdir(exist_ok=True)
    (folder / "checkpoint").write_text(Checkpoint.objects.get(size=size).note, encoding="utf-8")
    for n in range(-(-size // 256)):
        width = min(size - n * 256, 256)
        path = folder / bundle_path(n, width if width < 256 else None)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bundle(n, width))
    return folder


def audited(folder: Path, size: int, capsys, key: audit.AuditorKey = KEY) -> tuple[int, str]:
    """Exit code and cosignature line of an auditor who looks at that checkpoint."""
    (folder / "key").write_text(key.text)
    files = ["--key", str(folder / "key"), "--state", str(folder / f"{key.name}.state")]
    code = audit.main(["run", str(served(folder / "log", size)), "--log-key", config.log_key().verifier_key, *files])
    return code, capsys.readouterr().out


def anchor(chain) -> None:
    anchor_all(chain)


@pytest.fixture
def subject():
    """What alice and then bob wrote about, among other things, under an anchored state."""
    subject = a_subject()
    register(a_chain())
    seal_with_state(Block(11155111, 7, b"\x07" * 32))
    note("Hers.", subject=subject)
    notes(300)
    note("His.", subject=subject, owner=BOB)
    seal_with_state()
    return subject


def newest_size() -> int:
    return Checkpoint.objects.order_by("-size").first().size


def statuses(made: bytes, subject) -> list[str]:
    return [line.status for line in verify.verify(made, trust_file(), subject=f"{subject.type}:{subject.id}").lines]


# The whole way -------------------------------------------------------------------------------------------------------


def test_an_audited_history_is_complete_in_the_words_of_a_verifier_with_a_node(local_chain, tmp_path, capsys) -> None:
    subject, chain = a_subject(), config.EthereumChain(local_chain.url)
    register(chain)
    notes(40)
    note("Hers.", subject=subject)
    block = chain.block("finalized")
    seal_with_state(Block(chain.identity().chain_id, block.number, block.hash))
    note("More of hers.", subject=subject)
    seal_with_state()
    anchor(chain)
    code, line = audited(tmp_path, newest_size(), capsys)
    assert code == 0
    accept_cosignature(newest_size(), line)
    made = log_history(subject)
    asked = {"rpc": local_chain.url, "receipt": log.first_receipt(subject).encode()}
    report = verify.verify(made, trust_file(), **asked)
    assert [(found.number, found.status) for found in report.lines] == [(number, "passed") for number in range(1, 8)]
    assert report.exit_code == 0
    assert "; it is the newest anchor" in report.lines[5].text
    assert "They are complete: the log holds nothing else about" in report.verdict
    note("Later.", subject=subject)
    seal_with_state()
    anchor(chain)
    later = verify.verify(made, trust_file(), **asked)
    assert "; a newer anchor exists: ask for a newer file" in later.lines[5].text


def log_history(subject) -> bytes:
    return proofs.history_proof(subject, owners=None)


def test_a_history_shows_the_facts_of_whom_it_may(subject) -> None:
    anchor(a_chain_of_the_registration())
    made = json.loads(proofs.history_proof(subject, owners=[ALICE]))
    assert [len(entry["disclosures"]) for entry in made["entries"]] == [1, 0]
    assert statuses(proofs.history_proof(subject, owners=[ALICE]), subject)[5] == "passed"
    assert made["history"]["leaf"]["count"] == 2
    assert json.loads(made["not_before"]["entry"])["data"]["block_number"] == 7


def a_chain_of_the_registration():
    """Registered anew: a chain in memory is gone with the test that made it."""
    chain = a_chain()
    register(chain)
    seal_with_state()
    return chain


def test_of_one_who_is_not_in_the_log_the_proof_is_of_absence(subject) -> None:
    anchor(a_chain_of_the_registration())
    nobody = a_subject()
    made = proofs.history_proof(nobody, owners=None)
    assert json.loads(made)["entries"] == []
    assert statuses(made, nobody)[5] == "passed"
    assert statuses(made, subject)[5] == "failed"


def test_what_came_after_the_anchor_is_not_in_the_history(subject) -> None:
    anchor(a_chain_of_the_registration())
    note("Later.", subject=subject)
    seal_with_state()
    made = json.loads(proofs.history_proof(subject, owners=None))
    assert (len(made["entries"]), made["history"]["leaf"]["count"]) == (2, 2)


def test_the_same_rows_give_the_same_history(subject) -> None:
    anchor(a_chain_of_the_registration())
    assert proofs.history_proof(subject, owners=None) == proofs.history_proof(subject, owners=None)


def test_the_number_of_queries_of_a_history_does_not_grow_with_it(subject, django_assert_num_queries) -> None:
    chain = a_chain_of_the_registration()
    anchor(chain)
    proofs.history_proof(subject, owners=None)
    for _ in range(2):
        with django_assert_num_queries(14):
            proofs.history_proof(subject, owners=None)
        note("More.", subject=subject)
        seal_with_state()
        anchor(chain)


def test_before_an_anchor_that_ends_with_a_state_there_is_no_history(subject) -> None:
    with pytest.raises(proofs.NothingAnchoredYet, match="no anchored checkpoint ends with a state entry yet"):
        proofs.history_proof(subject, owners=None)
    anchor(a_chain_of_the_registration())
    proofs.history_proof(subject, owners=None)


def test_a_map_that_is_not_kept_has_to_be_recomputed_first(subject) -> None:
    anchor(a_chain_of_the_registration())
    mapping.discard()
    with pytest.raises(mapping.MapNotKept):
        proofs.history_proof(subject, owners=None)


def test_a_history_that_our_own_verifier_refuses_never_leaves(subject) -> None:
    anchor(a_chain_of_the_registration())
    newest = newest_size() - 1
    for page in MapPage.objects.filter(level=0, size__lte=newest):
        hashes = bytes(len(page.content) - 3)
        MapPage.objects.filter(pk=page.pk).update(content=bytes(page.content)[:3] + hashes)
    with pytest.raises(proofs.RefusedByOwnVerifier, match="failed its own check: .* line 6 failed"):
        proofs.history_proof(subject, owners=None)


# Lines taken and lines refused ---------------------------------------------------------------------------------------


def test_every_proof_made_later_carries_the_cosignatures_in_one_order(subject, settings, tmp_path, capsys) -> None:
    settings.AUDITOR_KEYS = [KEY.verifier_key, OTHER.verifier_key]
    size = newest_size()
    lines = [audited(tmp_path, size, capsys, key)[1] for key in (OTHER, KEY)]
    for line in lines:
        accept_cosignature(size, line)
    note_ = json.loads(log.proof(subject, owners=None))["checkpoint"]
    assert note_ == Checkpoint.objects.get(size=size).note + lines[1] + lines[0]
    assert statuses(log.proof(subject, owners=None), subject)[6] == "passed"


def test_an_auditor_keeps_the_first_line_that_they_sent(subject) -> None:
    checkpoint = Checkpoint.objects.get(size=newest_size())
    text = checkpoint.note.split("\n\n")[0] + "\n"
    first = accept_cosignature(checkpoint.size, KEY.cosign(text, 1_800_000_000) + "\n")
    again = accept_cosignature(checkpoint.size, KEY.cosign(text, 1_800_000_001))
    assert (again.pk, Cosignature.objects.count()) == (first.pk, 1)
    assert first.line == KEY.cosign(text, 1_800_000_000)


def refused(size: int, line: str) -> str:
    with pytest.raises(CosignatureRefused) as refusal:
        accept_cosignature(size, line)
    assert Cosignature.objects.count() == 0
    return str(refusal.value)


def test_what_is_no_auditors_line_under_this_checkpoint_is_refused(subject) -> None:
    checkpoint = Checkpoint.objects.get(size=newest_size())
    text, size = checkpoint.note.split("\n\n")[0] + "\n", checkpoint.size
    good = KEY.cosign(text, 1_800_000_000)
    unknown = "The line was not taken: a cosignature by a key that is not known."
    wrong = "The line was not taken: the cosignature of auditor.example is wrong."
    assert refused(size, OTHER.cosign(text, 1)) == unknown
    assert refused(size, checkpoint.note.split("\n")[-2]) == unknown
    assert refused(size, KEY.cosign(text.replace("\n", "x\n", 1), 1)) == wrong
    assert refused(size, good[:-8] + "AAAAAA==") == wrong
    assert refused(size, good[:-2] + "B=") == "The line was not taken: not base64 of the right length."
    assert refused(size, good[:-8]) == "The line was not taken: not a cosignature."
    assert refused(size, f"{good}\n{good}\n") == "The line was not taken: not a signature line."
    assert refused(size, "") == "The line was not taken: not a signature line."
    assert refused(size + 1, good) == f"There is no checkpoint of size {size + 1}."


def test_a_dishonest_map_gets_no_cosignature(tmp_path, capsys) -> None:
    """The insurer seals a state whose map forgets an entry: tree and signature are right, the auditor is not fooled."""
    notes(5)
    sequencer.sequence()
    mapping.advance(0, 5)
    sql("UPDATE anchoring_maphead SET root = %s", b"\x01" * 32)  # what a dishonest map comes to
    seal_with_state()
    code, line = audited(tmp_path, newest_size(), capsys)
    assert (code, line) == (1, "")


# Auditors in trust.json ----------------------------------------------------------------------------------------------


def test_a_new_auditor_makes_a_new_version_and_none_takes_one_back(settings) -> None:
    settings.AUDITOR_KEYS = []
    trust_file()
    assert (auditors(), TrustVersion.objects.count()) == ((), 1)
    settings.AUDITOR_KEYS = [KEY.verifier_key]
    assert ([str(key) for key in auditors()], TrustVersion.objects.count()) == ([KEY.verifier_key], 2)
    settings.AUDITOR_KEYS = [OTHER.verifier_key]
    both = [KEY.verifier_key, OTHER.verifier_key]
    assert ([str(key) for key in auditors()], TrustVersion.objects.count()) == (both, 3)
    settings.AUDITOR_KEYS = []
    assert ([str(key) for key in auditors()], TrustVersion.objects.count()) == (both, 3)
    assert [str(key) for key in verify.read_trust(trust_file()).auditors] == [
        "+".join(key.split("+")[:2]) for key in both
    ]


def test_the_logs_own_key_is_no_auditors(settings) -> None:
    public = config.log_key().public
    key_id = audit.key_id("auditor.example", audit.COSIGNATURE, public).hex()
    blob = audit.b64(bytes([audit.COSIGNATURE]) + public)
    settings.AUDITOR_KEYS = [f"auditor.example+{key_id}+{blob}"]
    with pytest.raises(ImproperlyConfigured, match="an auditor's key is never one of the log's own"):
        trust_file()
