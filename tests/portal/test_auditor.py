"""The demonstration's auditor: a process of its own whose cosignature makes line 7 pass."""

import pytest

from anchoring import config, log, verify
from anchoring.models import Cosignature
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from claims.management.commands.auditor import admit
from portal import auditor
from tests.anchoring.log_world import a_chain, a_subject, anchor_all, note, register


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path) -> None:
    folder = tmp_path / "auditor"
    key = auditor.verifier_key(folder)
    assert key.startswith(f"{auditor.NAME}+")
    assert auditor.verifier_key(folder) == key
    auditor.keep_token(folder, "secret")
    assert [(folder / name).stat().st_mode & 0o777 for name in ("key", "token")] == [0o600, 0o600]


@pytest.mark.django_db(transaction=True)
def test_what_it_audits_is_called_complete(live_server, settings, tmp_path) -> None:
    settings.AUDITOR_KEYS = [auditor.verifier_key(tmp_path)]
    auditor.keep_token(tmp_path, admit(auditor.EMAIL))
    chain, subject = a_chain(), a_subject()
    register(chain)
    note(subject=subject)
    sequencer.close_now()
    anchor_all(chain)
    site, key = f"{live_server.url}/log", config.log_key().verifier_key
    said = auditor.audit(tmp_path, log=site, log_key=key)
    assert said.startswith("AUDIT (exit 0, done): All ")
    assert (tmp_path / "said").read_text() == f"{said}\n"
    assert Cosignature.objects.count() == 1
    named = f"{subject.type}:{subject.id}"
    report = verify.verify(log.proof(subject, owners=None), trust_file(), subject=named)
    assert [line.status for line in report.lines[5:]] == ["passed", "passed"]


@pytest.mark.django_db(transaction=True)
def test_before_an_anchor_it_has_nothing_to_cosign(live_server, settings, tmp_path) -> None:
    settings.AUDITOR_KEYS = [auditor.verifier_key(tmp_path)]
    auditor.keep_token(tmp_path, admit(auditor.EMAIL))
    said = auditor.audit(tmp_path, log=f"{live_server.url}/log", log_key=config.log_key().verifier_key)
    assert said.startswith("AUDIT (exit 3, not cosigned): there is no checkpoint in ")
