"""Production refuses to start when something is unsafe, and names all of it; development starts with nothing given."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAFE = {
    "TOUCHSTONE_MODE": "production",
    "SECRET_KEY": "k" * 60,
    "VAULT_KEY": "v" * 64,
    "LOG_KEY": "11" * 32,
    "RECEIPT_KEY": "22" * 32,
    "CHAIN_KEY": "0x" + "33" * 32,
    "ALLOWED_HOSTS": "insurer.example",
    "SITE_URL": "https://insurer.example",
    "EMAIL_URL": "smtp+tls://user:hush@mail.example:587",
    "REDIS_URL": "redis://:hush@redis.example/0",
    "DATABASE_URL": "postgresql://user:hush@db.example/touchstone",
    "VAULT_URL": "postgresql://user:hush@vault.example/vault",
    "LOG_ORIGIN": "insurer.example/log",
    "PAYMENT_GATEWAY": "test",
    "CHAIN_RPC_URL": "https://rpc.example/v3/hush",
}
SHOWN = (
    "DEBUG MODE LOG_KEY CHAIN_KEY SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_SSL_REDIRECT SECURE_HSTS_SECONDS"
    " DEMO_PASSWORD ALLOWED_HOSTS"
)
ANCHORING = (
    "CHAIN CHAIN_RPC_URL CHAIN_SECOND_RPC_URL CHAIN_EXPLORER_URL NEXT_CHAIN NEXT_CHAIN_RPC_URL"
    " NEXT_CHAIN_SECOND_RPC_URL NEXT_CHAIN_KEY ANCHOR_EVERY_SECONDS ANCHOR_EVERY_RECORDS CHAIN_TICK_SECONDS"
    " FEE_BUMP_AFTER_SECONDS CHAIN_MAX_FEE_GWEI METRICS_TOKEN"
)
PRINT = "import json, sys, portal.settings as s; print(json.dumps({n: getattr(s, n, None) for n in sys.argv[1:]}))"


def start(folder: Path, environment: dict[str, str], *, shown: str = SHOWN) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of its own, with this environment and no other, and print those ``shown``."""
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TOUCHSTONE_VAR": str(folder)} | environment
    words = [sys.executable, "-c", PRINT, *shown.split()]
    return subprocess.run(words, env=given, cwd=folder, capture_output=True, text=True)


def anchoring(folder: Path, **environment: str) -> dict[str, object]:
    """The settings of anchoring that this environment makes."""
    return json.loads(start(folder, environment, shown=ANCHORING).stdout)


def refused(folder: Path, **changes: str | None) -> str:
    """Why production does not start with these changes to a safe environment (None: not given)."""
    done = start(folder, {name: value for name, value in (SAFE | changes).items() if value is not None})
    assert done.returncode != 0, "it started"
    kind, _, sentence = done.stderr.strip().split("\n")[-1].partition(": ")
    assert kind == "django.core.exceptions.ImproperlyConfigured"
    assert "hush" not in done.stderr
    return sentence


def test_a_safe_production_starts_with_everything_locked(tmp_path) -> None:
    done = start(tmp_path, SAFE)
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "DEBUG": False, "MODE": "production", "LOG_KEY": "11" * 32, "CHAIN_KEY": "33" * 32,
        "SESSION_COOKIE_SECURE": True, "CSRF_COOKIE_SECURE": True, "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31536000, "DEMO_PASSWORD": "", "ALLOWED_HOSTS": ["insurer.example"],
    }  # fmt: skip


def test_production_refuses_a_python_that_skips_its_checks(tmp_path) -> None:
    done = start(tmp_path, SAFE | {"PYTHONOPTIMIZE": "1"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(
        "Unsafe production settings: Python must run without -O and PYTHONOPTIMIZE: they switch off checks.\n"
    )


@pytest.mark.parametrize("mode", ["development", "demo"])
def test_elsewhere_nothing_needs_to_be_given_and_keys_are_made_once(tmp_path, mode) -> None:
    first, second = (json.loads(start(tmp_path, {"TOUCHSTONE_MODE": mode}).stdout) for _ in range(2))
    assert first == second
    assert (first["MODE"], first["DEBUG"], len(first["LOG_KEY"])) == (mode, False, 64)
    kept = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert kept == {"secret_key", "vault_key", "log_key", "receipt_key", "chain_key", "demo_password"}


@pytest.mark.parametrize("name", ["SECRET_KEY", "VAULT_KEY", "LOG_KEY", "RECEIPT_KEY", "CHAIN_KEY"])
def test_a_missing_secret_is_named(tmp_path, name) -> None:
    assert (
        refused(tmp_path, **{name: None})
        == f"{name} is not set. In production give {name}, or {name}_FILE with a path to it."
    )


@pytest.mark.parametrize("name", ["LOG_KEY", "RECEIPT_KEY", "CHAIN_KEY"])
def test_a_key_of_another_form_is_refused_and_not_repeated(tmp_path, name) -> None:
    assert refused(tmp_path, **{name: "hush" * 16}).startswith(f"{name} must be 64 hexadecimal digits (32 bytes).")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CHAIN_RPC_URL", None, "CHAIN_RPC_URL must name an endpoint of the Sepolia test network."),
        (
            "NEXT_CHAIN_KEY",
            "33" * 32,
            "NEXT_CHAIN_KEY must differ from every other key; leave it out to go on with CHAIN_KEY.",
        ),
        *(
            (
                "NEXT_LOG_KEY",
                taken,
                "NEXT_LOG_KEY must differ from every other key; leave it out while the log key is not being changed.",
            )
            for taken in ("11" * 32, "22" * 32, "33" * 32)
        ),
        (
            "METRICS_TOKEN",
            "hush" * 7,
            "METRICS_TOKEN must have at least 32 characters, or be left out: then there are no metrics.",
        ),
        ("DEBUG", "true", "DEBUG must be false."),
        ("ALLOWED_HOSTS", None, "ALLOWED_HOSTS must name your host names (no *)."),
        ("ALLOWED_HOSTS", "insurer.example,*", "ALLOWED_HOSTS must name your host names (no *)."),
        ("SITE_URL", "http://insurer.example", "SITE_URL must start with https://."),
        ("SECRET_KEY", "k" * 49, "SECRET_KEY must have at least 50 characters."),
        ("VAULT_KEY", "v" * 42, "VAULT_KEY must have at least 43 characters: 256 random bits."),
        ("RECEIPT_KEY", "11" * 32, "LOG_KEY, RECEIPT_KEY, CHAIN_KEY and VAULT_KEY must all differ."),
        ("EMAIL_URL", None, "EMAIL_URL must name a mail server (smtp+tls://…)."),
        ("REDIS_URL", None, "REDIS_URL must name a Redis server."),
        ("LOG_ORIGIN", None, "LOG_ORIGIN must be a name of your own: it is fixed for ever."),
        ("DATABASE_URL", None, "DATABASE_URL must name a PostgreSQL server."),
        ("VAULT_URL", None, "VAULT_URL must name a store of its own, backed up apart from the rest."),
    ],
)
def test_an_unsafe_value_is_named(tmp_path, name, value, sentence) -> None:
    assert refused(tmp_path, **{name: value}) == f"Unsafe production settings: {sentence}"


def test_all_unsafe_values_are_named_at_once(tmp_path) -> None:
    said = refused(tmp_path, DEBUG="true", REDIS_URL=None, EMAIL_URL=None, CHAIN_RPC_URL=None, NEXT_CHAIN="hoodi")
    assert said == (
        "Unsafe production settings: DEBUG must be false. EMAIL_URL must name a mail server (smtp+tls://…)."
        " REDIS_URL must name a Redis server. CHAIN_RPC_URL must name an endpoint of the Sepolia test network."
        " NEXT_CHAIN_RPC_URL must be set beside NEXT_CHAIN: an endpoint of that chain."
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOUCHSTONE_MODE", "prod"),
        ("DATABASE_URL", "mysql://hush@db"),
        ("CHAIN_RPC_URL", "ws://hush"),
        ("CHAIN_SECOND_RPC_URL", "hush"),
        ("NEXT_CHAIN_RPC_URL", "ws://hush"),
        ("NEXT_CHAIN_SECOND_RPC_URL", "ws://hush"),
        ("CHAIN_EXPLORER_URL", "javascript:hush"),
        ("NEXT_CHAIN_KEY", "hush"),
        ("NEXT_LOG_KEY", "hush"),
        ("ANCHOR_EVERY_SECONDS", "0"),
        ("ANCHOR_EVERY_RECORDS", "0"),
        ("CHAIN_TICK_SECONDS", "0"),
        ("FEE_BUMP_AFTER_SECONDS", "0"),
        ("CHAIN_MAX_FEE_GWEI", "0"),
        ("CHAIN_MAX_FEE_GWEI", "100001"),
        ("CHAIN_MAX_FEE_GWEI", "1.5"),
    ],
)
def test_nonsense_is_refused_in_words(tmp_path, name, value) -> None:
    assert refused(tmp_path, **{name: value}).startswith(f"{name} must be ")


# --- Anchoring --------------------------------------------------------------------------------------------------------

UNSET = {
    "CHAIN_SECOND_RPC_URL": "", "CHAIN_EXPLORER_URL": "", "NEXT_CHAIN": "", "NEXT_CHAIN_RPC_URL": "",
    "NEXT_CHAIN_SECOND_RPC_URL": "", "NEXT_CHAIN_KEY": "", "METRICS_TOKEN": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("development", {
            "CHAIN": "local", "CHAIN_RPC_URL": "http://127.0.0.1:8545", "ANCHOR_EVERY_SECONDS": 600,
            "CHAIN_TICK_SECONDS": 15, "CHAIN_MAX_FEE_GWEI": 1000,
        }),
        ("demo", {
            "CHAIN": "local", "CHAIN_RPC_URL": "http://127.0.0.1:8545", "ANCHOR_EVERY_SECONDS": 5,
            "CHAIN_TICK_SECONDS": 2, "CHAIN_MAX_FEE_GWEI": 1000,
        }),
        ("production", {
            "CHAIN": "sepolia", "CHAIN_RPC_URL": "https://rpc.example/v3/hush", "ANCHOR_EVERY_SECONDS": 600,
            "CHAIN_TICK_SECONDS": 15, "CHAIN_MAX_FEE_GWEI": 100,
        }),
    ],
)  # fmt: skip
def test_each_mode_has_its_chain_and_its_pace(tmp_path, mode, expected) -> None:
    given = SAFE if mode == "production" else {"TOUCHSTONE_MODE": mode}
    assert anchoring(tmp_path, **given) == UNSET | expected | {
        "ANCHOR_EVERY_RECORDS": 1000, "FEE_BUMP_AFTER_SECONDS": 180,
    }  # fmt: skip


def test_everything_about_anchoring_may_come_from_files_and_beats_the_defaults(tmp_path) -> None:
    wanted = {
        "CHAIN": "hoodi", "CHAIN_RPC_URL": "http://one.example", "CHAIN_SECOND_RPC_URL": "https://two.example",
        "CHAIN_EXPLORER_URL": "https://see.example", "NEXT_CHAIN": "sepolia", "NEXT_CHAIN_RPC_URL": "http://three.example",
        "NEXT_CHAIN_SECOND_RPC_URL": "http://four.example", "NEXT_CHAIN_KEY": "44" * 32, "ANCHOR_EVERY_SECONDS": 1,
        "ANCHOR_EVERY_RECORDS": 2, "CHAIN_TICK_SECONDS": 3, "FEE_BUMP_AFTER_SECONDS": 4, "CHAIN_MAX_FEE_GWEI": 100000,
        "METRICS_TOKEN": "t" * 32,
    }  # fmt: skip
    for name, value in wanted.items():
        (tmp_path / name).write_text(f"{value}\n")
    given = {name: value for name, value in SAFE.items() if name not in wanted}
    assert anchoring(tmp_path, **given, **{f"{name}_FILE": str(tmp_path / name) for name in wanted}) == wanted


@pytest.mark.parametrize("mode", ["development", "production"])
@pytest.mark.parametrize("name", ["CHAIN", "NEXT_CHAIN"])
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("holesky", "The Holesky test network (chain 17000) has ended. Use sepolia or hoodi instead."),
        ("Sepolia", "There is no chain of that name. There are sepolia, hoodi, local; docs/operations/chain.md says how"
                    " to add one."),
        ("ethereum", "Ethereum (chain 1) is known by name only: nothing says how to anchor there. There are sepolia,"
                     " hoodi, local; docs/operations/chain.md says how to add one."),
    ],
)  # fmt: skip
def test_a_chain_that_is_dead_or_unknown_is_refused_with_what_to_use(tmp_path, mode, name, value, sentence) -> None:
    changes = {name: value, "TOUCHSTONE_MODE": mode}
    assert refused(tmp_path, **changes) == f"{name} names no chain to anchor on. {sentence}"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"CHAIN_SECOND_RPC_URL": SAFE["CHAIN_RPC_URL"]},
            "CHAIN_SECOND_RPC_URL must differ from CHAIN_RPC_URL: two independent endpoints are compared.",
        ),
        (
            {"NEXT_CHAIN_RPC_URL": "https://next.example"},
            "NEXT_CHAIN must be set beside NEXT_CHAIN_RPC_URL and NEXT_CHAIN_SECOND_RPC_URL: it says which chain they"
            " lead to.",
        ),
        (
            {"NEXT_CHAIN_SECOND_RPC_URL": "https://next.example"},
            "NEXT_CHAIN must be set beside NEXT_CHAIN_RPC_URL and NEXT_CHAIN_SECOND_RPC_URL: it says which chain they"
            " lead to.",
        ),
        ({"NEXT_CHAIN": "hoodi"}, "NEXT_CHAIN_RPC_URL must be set beside NEXT_CHAIN: an endpoint of that chain."),
        (
            {
                "NEXT_CHAIN": "hoodi", "NEXT_CHAIN_RPC_URL": "https://next.example",
                "NEXT_CHAIN_SECOND_RPC_URL": "https://next.example",
            },
            "NEXT_CHAIN_SECOND_RPC_URL must differ from NEXT_CHAIN_RPC_URL: two independent endpoints are compared.",
        ),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused_in_every_mode(tmp_path, changes, sentence) -> None:
    assert refused(tmp_path, **changes) == f"Unsafe production settings: {sentence}"
    assert refused(tmp_path, TOUCHSTONE_MODE="development", **changes) == (
        f"Settings that contradict each other: {sentence}"
    )


def test_a_new_key_alone_is_enough_for_a_handover(tmp_path) -> None:
    made = anchoring(tmp_path, **SAFE, NEXT_CHAIN_KEY="0x" + "44" * 32)
    assert (made["NEXT_CHAIN"], made["NEXT_CHAIN_KEY"]) == ("", "44" * 32)


def test_the_next_log_key_may_come_from_a_file_and_is_the_key_of_nothing_else(tmp_path) -> None:
    (tmp_path / "next").write_text("0x" + "55" * 32 + "\n")
    given = SAFE | {"NEXT_LOG_KEY_FILE": str(tmp_path / "next")}
    assert json.loads(start(tmp_path, given, shown="NEXT_LOG_KEY").stdout) == {"NEXT_LOG_KEY": "55" * 32}
    assert refused(tmp_path, NEXT_LOG_KEY="44" * 32, NEXT_CHAIN_KEY="44" * 32) == (
        "Unsafe production settings: NEXT_LOG_KEY must differ from every other key; leave it out while the log key is"
        " not being changed."
    )
    assert json.loads(start(tmp_path, {}, shown="NEXT_LOG_KEY").stdout) == {"NEXT_LOG_KEY": ""}
