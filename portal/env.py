"""Typed readers of the process environment.

Every setting is read once, here, with a type; nonsense is refused at start with the variable's name and what it
should hold. A secret may also come from a file: ``X_FILE=/run/secrets/x`` stands for ``X=<the file's content>``.
"""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from anchoring import networks
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.note import COSIGNATURE, Verifier


def text(name: str, default: str, *, env: Mapping[str, str] = os.environ) -> str:
    """The variable, or the file that ``<name>_FILE`` names, or ``default``; never both."""
    value, path = env.get(name), env.get(f"{name}_FILE")
    if value is not None and path is not None:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE, not both.")
    if path is None:
        return default if value is None else value
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from error


def boolean(name: str, default: bool, *, env: Mapping[str, str] = os.environ) -> bool:
    """``true`` or ``false``; nothing else is guessed at."""
    value = text(name, "true" if default else "false", env=env).lower()
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")
    return value == "true"


def integer(name: str, default: int, *, least: int, most: int, env: Mapping[str, str] = os.environ) -> int:
    """A decimal integer from ``least`` to ``most``."""
    value = text(name, str(default), env=env)
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def words(name: str, default: str, *, env: Mapping[str, str] = os.environ) -> list[str]:
    """A comma-separated list; empty parts are dropped."""
    return [part.strip() for part in text(name, default, env=env).split(",") if part.strip()]


def auditor_keys(name: str, *, env: Mapping[str, str] = os.environ) -> list[str]:
    """A comma-separated list of verifier keys that cosign (C2SP type 04)."""
    found = words(name, "", env=env)
    for key in found:
        try:
            is_auditor = Verifier.parse(key).type == COSIGNATURE
        except Malformed:
            is_auditor = False
        if not is_auditor:
            raise ImproperlyConfigured(f"{name}: {key!r} is not a verifier key as audit.py keygen prints it.")
    return found


def choice(name: str, default: str, *, among: tuple[str, ...], env: Mapping[str, str] = os.environ) -> str:
    """One word of a closed list."""
    value = text(name, default, env=env)
    if value not in among:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(among)}, not {value!r}.")
    return value


def url(name: str, default: str, *, schemes: tuple[str, ...], env: Mapping[str, str] = os.environ) -> str:
    """A URL of a known scheme, its port a number. An error never repeats the value: it may hold a password."""
    value = text(name, default, env=env)
    try:
        scheme, _ = urlsplit(value).scheme, urlsplit(value).port
    except ValueError:
        raise ImproperlyConfigured(f"{name} is not a URL: its host or port cannot be read.") from None
    if scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must be a URL that starts with {' or '.join(f'{s}:' for s in schemes)}.")
    return value


def optional_url(name: str, *, schemes: tuple[str, ...], env: Mapping[str, str] = os.environ) -> str:
    """A URL of a known scheme, or "" where none is given."""
    return url(name, "", schemes=schemes, env=env) if text(name, "", env=env) else ""


def chain(name: str, default: str, *, env: Mapping[str, str] = os.environ) -> str:
    """The name of a chain that can be anchored on; "" only where that is the default and none is given."""
    value = text(name, "", env=env) or default
    try:
        return networks.by_name(value).name if value else ""
    except networks.UnknownNetwork as error:
        raise ImproperlyConfigured(f"{name} names no chain to anchor on. {error}") from error


def secret(name: str, *, kept_in: Path | None, env: Mapping[str, str] = os.environ) -> str:
    """A secret that must be given; in development one is made once and kept in a file only its owner can read.

    ``kept_in`` is the folder for made secrets, or None where none may be made (production).
    """
    value = text(name, "", env=env)
    if value:
        return value
    if kept_in is None:
        raise ImproperlyConfigured(f"{name} is not set. In production give {name}, or {name}_FILE with a path to it.")
    return _kept(kept_in / name.lower())


def private_key(name: str, *, kept_in: Path | None, env: Mapping[str, str] = os.environ) -> str:
    """A secret of 32 bytes, written as 64 hex digits (``0x`` in front is dropped). An error never repeats it."""
    return _key(name, secret(name, kept_in=kept_in, env=env))


def optional_private_key(name: str, *, env: Mapping[str, str] = os.environ) -> str:
    """A private key as above, or "" where none is given: none is ever made."""
    value = text(name, "", env=env)
    return _key(name, value) if value else ""


def _key(name: str, value: str) -> str:
    value = value.removeprefix("0x")
    if re.fullmatch(r"[0-9a-fA-F]{64}", value) is None:
        raise ImproperlyConfigured(
            f"{name} must be 64 hexadecimal digits (32 bytes). Make one: python -c 'import secrets;"
            " print(secrets.token_hex(32))'"
        )
    return value.lower()


def _kept(path: Path) -> str:
    """The file's content; made with 32 random bytes in hex if there is none.

    Two processes that start at once agree: the content is complete before the name appears, and the first link wins.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="utf-8").strip()
