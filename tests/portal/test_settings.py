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
}
SHOWN = (
    "DEBUG MODE LOG_KEY CHAIN_KEY SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_SSL_REDIRECT SECURE_HSTS_SECONDS"
    " DEMO_PASSWORD ALLOWED_HOSTS"
)
PRINT = f"import json, portal.settings as s; print(json.dumps({{n: getattr(s, n, None) for n in {SHOWN.split()!r}}}))"


def start(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of its own, with this environment and no other."""
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TOUCHSTONE_VAR": str(folder)} | environment
    return subprocess.run([sys.executable, "-c", PRINT], env=given, cwd=folder, capture_output=True, text=True)


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
    said = refused(tmp_path, DEBUG="true", REDIS_URL=None, EMAIL_URL=None)
    assert said == (
        "Unsafe production settings: DEBUG must be false. EMAIL_URL must name a mail server (smtp+tls://…)."
        " REDIS_URL must name a Redis server."
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("TOUCHSTONE_MODE", "prod"), ("DATABASE_URL", "mysql://hush@db"), ("CHAIN_RPC_URL", "ws://hush")],
)
def test_nonsense_is_refused_in_words(tmp_path, name, value) -> None:
    assert refused(tmp_path, **{name: value}).startswith(f"{name} must be ")
