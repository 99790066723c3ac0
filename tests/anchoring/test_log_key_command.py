"""``manage.py log_key``: what it prints at each step of a change, and what it refuses with exit code 1."""

import re
import stat

import pytest
from django.core.management import CommandError
from django.test import override_settings

from anchoring import config, trust
from anchoring.keys import SigningKey
from tests.anchoring.log_world import note
from tests.anchoring.test_commands import failed, run

pytestmark = pytest.mark.django_db

OLD, NEW = "22" * 32, "55" * 32
BOTH = {"LOG_KEY": OLD, "NEXT_LOG_KEY": NEW}


def key(seed: str) -> SigningKey:
    return SigningKey(name=config.origin(), seed=bytes.fromhex(seed))


def short(seed: str) -> str:
    return trust.short(key(seed).verifier)


def shown(*lines: str) -> str:
    """What ``show`` prints, with the version's fingerprint left out."""
    receipt = ["", "Receipt keys:", f"  {config.receipt_key().verifier}"]
    return "\n".join([*lines, *receipt]) + "\n"


def without_fingerprint(text: str) -> str:
    return re.sub(r"fingerprint [0-9a-f ]{79}\n", "fingerprint F\n", text)


def test_a_new_key_goes_into_a_new_file_for_its_owner_alone(tmp_path) -> None:
    file = tmp_path / "next_log_key"
    said = run("log_key", "generate", "--out", str(file))
    seed = file.read_text().strip()
    assert re.fullmatch("[0-9a-f]{64}", seed)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert said == (
        f"Wrote {file}, readable by its owner alone. Copy it to a second safe place.\n"
        f"Verifier key: {key(seed).verifier}\n"
    )


def test_a_file_that_is_there_is_never_overwritten(tmp_path) -> None:
    file = tmp_path / "log_key"
    file.write_text("precious")
    said, code, _ = failed("log_key", "generate", "--out", str(file))
    assert (said, code) == (f"{file} cannot be made: File exists. Nothing was overwritten.", 1)
    assert file.read_text() == "precious"
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert failed("log_key", "generate", "--out", str(tmp_path / "link"))[1] == 1
    assert not (tmp_path / "nowhere").exists()


def test_without_a_file_the_key_alone_is_printed_and_no_two_are_the_same(capsys) -> None:
    made = {run("log_key", "generate") for _ in range(3)}
    assert len(made) == 3
    assert all(re.fullmatch("[0-9a-f]{64}\n", text) for text in made)
    told = [line.removeprefix("Verifier key: ") for line in capsys.readouterr().err.strip().split("\n")]
    assert set(told) == {str(key(text.strip()).verifier) for text in made}


def test_at_first_one_key_signs_everything() -> None:
    note()
    run("sequence")
    assert without_fingerprint(run("log_key", "show")) == shown(
        "trust.json version 1, fingerprint F",
        "The newest seal is over 1 records.",
        "",
        "The log's keys:",
        f"  {key(OLD).verifier}",
        "    good for seals over 0 or more records; in LOG_KEY",
        f"The next seal is signed by {short(OLD)}.",
        f"The next version of trust.json is signed by {short(OLD)}.",
    )


def test_the_change_is_shown_at_each_step() -> None:
    note()
    run("sequence")
    with override_settings(**BOTH):
        begun = without_fingerprint(run("log_key", "rotate"))
        run("sequence")
        finished = without_fingerprint(run("log_key", "finish"))
    assert begun == (
        shown(
            "trust.json version 2, fingerprint F",
            "The newest seal is over 1 records.",
            "",
            "The log's keys:",
            f"  {key(OLD).verifier}",
            "    good for seals over 0 or more records; in LOG_KEY",
            f"  {key(NEW).verifier}",
            "    good for seals over 2 or more records; in NEXT_LOG_KEY",
            f"The next seal is signed by {short(OLD)} and {short(NEW)}.",
            f"The next version of trust.json is signed by {short(OLD)}.",
        )
        + "\nFrom now on every seal carries both signatures. Start every process anew with both keys, give trust.json"
        " and its fingerprint some days to reach those who check, then run: manage.py log_key finish\n"
    )
    assert finished == (
        shown(
            "trust.json version 3, fingerprint F",
            "The newest seal is over 2 records.",
            "",
            "The log's keys:",
            f"  {key(NEW).verifier}",
            "    good for seals over 2 or more records; in NEXT_LOG_KEY",
            f"  {key(OLD).verifier}",
            "    good for seals over 0 to 2 records; in LOG_KEY",
            f"The next seal is signed by {short(NEW)}.",
            f"The next version of trust.json is signed by {short(NEW)}.",
        )
        + "\nNow move the key from NEXT_LOG_KEY into LOG_KEY in every process. Keep the old one locked away, or destroy"
        " it: it signs nothing any more.\n"
    )
    said = f"The key in LOG_KEY is not good any more: trust.json names {short(NEW)} now. Put that one into LOG_KEY."
    with override_settings(LOG_KEY=OLD, NEXT_LOG_KEY=""):
        assert f"The next seal cannot be signed here: {said}\n" in run("log_key", "show")
        assert failed("sequence")[:2] == (said, 1)


def test_a_change_can_be_taken_back_and_a_stolen_key_replaced_at_once() -> None:
    note()
    run("sequence")
    with override_settings(**BOTH):
        run("log_key", "rotate")
        assert run("log_key", "abandon").endswith(
            "The present key signs alone again. Take NEXT_LOG_KEY away in every process.\n"
        )
        assert run("log_key", "revoke").endswith(
            "Now move the key from NEXT_LOG_KEY into LOG_KEY in every process, anchor at once (manage.py anchor --now)"
            " and tell everybody who checks the fingerprint above.\n"
        )
        assert f"The next seal is signed by {short(NEW)}.\n" in run("log_key", "show")


def test_what_cannot_be_done_now_ends_with_a_sentence_and_exit_code_1() -> None:
    note()
    run("sequence")
    assert failed("log_key", "finish")[:2] == (
        "No change of the log key is under way. One begins with: manage.py log_key rotate", 1,
    )  # fmt: skip
    with override_settings(LOG_KEY=NEW, NEXT_LOG_KEY="66" * 32):
        assert failed("log_key", "rotate")[:2] == (
            f"The next version of trust.json needs the signature of {short(OLD)}, which is neither in LOG_KEY nor in"
            " NEXT_LOG_KEY. Put it back.", 1,
        )  # fmt: skip


@pytest.mark.parametrize("words", [["log_key"], ["log_key", "burn"], ["log_key", "show", "--out", "x"]])
def test_other_words_are_no_step(words) -> None:
    with pytest.raises(CommandError):
        run(*words)
