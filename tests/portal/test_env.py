"""What the environment says is read with a type, and nonsense is refused in words that never repeat a secret."""

import re
import stat

import pytest
from django.core.exceptions import ImproperlyConfigured

from anchoring.audit import AuditorKey
from anchoring.keys import SigningKey
from portal import env

SEED = "ab" * 32


def refusal(reader, *args, given, **options) -> str:
    with pytest.raises(ImproperlyConfigured) as error:
        reader(*args, env=given, **options)
    return str(error.value)


def test_a_variable_wins_over_the_default() -> None:
    assert env.text("X", "default", env={}) == "default"
    assert env.text("X", "default", env={"X": ""}) == ""
    assert env.text("X", "default", env={"X": "said"}) == "said"


def test_a_value_may_come_from_a_file(tmp_path) -> None:
    (tmp_path / "x").write_text("from the file\n")
    assert env.text("X", "default", env={"X_FILE": str(tmp_path / "x")}) == "from the file"


def test_a_variable_and_its_file_together_are_refused(tmp_path) -> None:
    assert refusal(env.text, "X", "", given={"X": "a", "X_FILE": "b"}) == "Set X or X_FILE, not both."


def test_a_file_that_cannot_be_read_is_named(tmp_path) -> None:
    path = tmp_path / "none"
    assert refusal(env.text, "X", "", given={"X_FILE": str(path)}) == (
        f"X_FILE names {path}, which cannot be read: No such file or directory."
    )


def test_auditors_keys_are_looked_at_before_anything_starts() -> None:
    key = AuditorKey("auditor.example", b"A" * 32).verifier_key
    assert env.auditor_keys("X", env={"X": f" {key}, "}) == [key]
    assert env.auditor_keys("X", env={}) == []
    of_a_log = SigningKey(name="a", seed=b"A" * 32).verifier_key
    for wrong in (key[:-1], key.replace("auditor", "other"), "auditor.example", of_a_log):
        said = refusal(env.auditor_keys, "X", given={"X": f"{key},{wrong}"})
        assert said == f"X: {wrong!r} is not a verifier key as audit.py keygen prints it."


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("false", False)])
def test_a_truth_value_is_read(text, value) -> None:
    assert env.boolean("X", not value, env={"X": text}) is value
    assert env.boolean("X", value, env={}) is value


@pytest.mark.parametrize("text", ["", "1", "yes", "on", " true"])
def test_no_truth_value_is_guessed(text) -> None:
    assert refusal(env.boolean, "X", False, given={"X": text}) == f"X must be true or false, not {text.lower()!r}."


@pytest.mark.parametrize("text", ["1", "7", "10"])
def test_a_whole_number_within_its_bounds_is_read(text) -> None:
    assert env.integer("X", 5, least=1, most=10, env={"X": text}) == int(text)


@pytest.mark.parametrize("text", ["", "0", "11", "-1", "+3", " 3", "3.0", "1_0", "٣", "three"])
def test_any_other_number_is_refused(text) -> None:
    said = refusal(env.integer, "X", 5, least=1, most=10, given={"X": text})
    assert said == f"X must be a whole number from 1 to 10, not {text!r}."


def test_a_list_drops_its_empty_parts() -> None:
    assert env.words("X", "", env={"X": " a.example, ,b.example,"}) == ["a.example", "b.example"]
    assert env.words("X", "", env={}) == []


def test_a_choice_is_one_of_its_words() -> None:
    assert env.choice("X", "b", among=("a", "b"), env={}) == "b"
    assert refusal(env.choice, "X", "b", among=("a", "b"), given={"X": "c"}) == "X must be one of a, b, not 'c'."


def test_a_url_of_a_known_scheme_is_read() -> None:
    assert env.url("X", "redis://h", schemes=("redis",), env={}) == "redis://h"


@pytest.mark.parametrize("text", ["ftp://user:hush@h", "hush", "", "//hush"])
def test_a_refused_url_is_not_repeated(text) -> None:
    said = refusal(env.url, "X", "", schemes=("redis", "rediss"), given={"X": text})
    assert said == "X must be a URL that starts with redis: or rediss:."


@pytest.mark.parametrize("text", ["http://user:hush@h:port", "http://[::1", "http://h:99999"])
def test_a_url_that_cannot_be_read_is_refused_in_words(text) -> None:
    said = refusal(env.url, "X", "", schemes=("http",), given={"X": text})
    assert said == "X is not a URL: its host or port cannot be read."


def test_a_url_may_be_left_out_where_that_is_said() -> None:
    assert env.optional_url("X", schemes=("http",), env={}) == ""
    assert env.optional_url("X", schemes=("http",), env={"X": ""}) == ""
    assert env.optional_url("X", schemes=("http",), env={"X": "http://h"}) == "http://h"
    assert refusal(env.optional_url, "X", schemes=("http",), given={"X": "hush"}) == (
        "X must be a URL that starts with http:."
    )


def test_a_chain_is_one_that_can_be_anchored_on() -> None:
    assert env.chain("X", "", env={}) == ""
    assert env.chain("X", "sepolia", env={"X": ""}) == "sepolia"
    assert env.chain("X", "sepolia", env={"X": "hoodi"}) == "hoodi"
    assert refusal(env.chain, "X", "sepolia", given={"X": "goerli"}) == (
        "X names no chain to anchor on. The Goerli test network (chain 5) has ended. Use sepolia or hoodi instead."
    )


def test_what_was_given_for_a_chain_is_not_repeated() -> None:
    assert "hush" not in refusal(env.chain, "X", "", given={"X": "https://node.example/hush"})


# --- Secrets ---------------------------------------------------------------------------------------------------------


def test_a_secret_that_is_given_is_taken_and_none_is_made(tmp_path) -> None:
    assert env.secret("X", kept_in=tmp_path, env={"X": "hush"}) == "hush"
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_made_once_and_kept_where_only_its_owner_reads(tmp_path) -> None:
    folder = tmp_path / "secrets"
    made = env.secret("MY_KEY", kept_in=folder, env={})
    assert re.fullmatch("[0-9a-f]{64}", made)
    assert env.secret("MY_KEY", kept_in=folder, env={}) == made
    assert [path.name for path in folder.iterdir()] == ["my_key"]
    assert stat.S_IMODE((folder / "my_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_two_secrets_differ(tmp_path) -> None:
    assert env.secret("A", kept_in=tmp_path, env={}) != env.secret("B", kept_in=tmp_path, env={})


def test_where_none_may_be_made_a_missing_secret_is_named() -> None:
    said = refusal(env.secret, "X", kept_in=None, given={})
    assert said == "X is not set. In production give X, or X_FILE with a path to it."


def test_a_private_key_is_64_hexadecimal_digits_in_one_spelling(tmp_path) -> None:
    for text in (SEED, SEED.upper(), f"0x{SEED}"):
        assert env.private_key("X", kept_in=None, env={"X": text}) == SEED
    assert len(env.private_key("X", kept_in=tmp_path, env={})) == 64


@pytest.mark.parametrize(
    "text", ["hush", SEED[:-1], SEED + "0", SEED[:-1] + "g", f" {SEED}", f"0x0x{SEED[2:]}", "٣" * 64]
)
def test_what_is_no_private_key_is_refused_and_not_repeated(text) -> None:
    said = refusal(env.private_key, "LOG_KEY", kept_in=None, given={"LOG_KEY": text})
    assert said.startswith("LOG_KEY must be 64 hexadecimal digits (32 bytes). Make one: python -c ")
    assert text not in said


def test_a_private_key_that_may_be_left_out_is_never_made() -> None:
    assert env.optional_private_key("X", env={}) == ""
    assert env.optional_private_key("X", env={"X": f"0x{SEED.upper()}"}) == SEED
    said = refusal(env.optional_private_key, "X", given={"X": "hush"})
    assert said.startswith("X must be 64 hexadecimal digits (32 bytes). Make one: python -c ")
