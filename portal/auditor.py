"""The demonstration's auditor: audit.py as a process of its own, with a key of its own, asked for nothing but its word.

Its files lie in ``var/auditor/``: ``key`` (secret), ``verifier-key``, ``token``, ``state``, ``entries/`` and ``said``,
the outcome of the last run in a line. It shows the way of an audit and is worth nothing as one: insurer and auditor are
the same computer here.
"""

import subprocess  # noqa: S404 - the program is ours, its arguments are made here
import sys
import threading
from collections.abc import Callable
from pathlib import Path

PROGRAM = Path(__file__).parent.parent / "anchoring" / "audit.py"
NAME = "auditor.localhost"
EMAIL = "auditor@example.com"
EVERY_SECONDS = 60
FIRST_AFTER_SECONDS = 10


def verifier_key(folder: Path) -> str:
    """The public key for AUDITOR_KEYS; at the first start the pair is made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    public = folder / "verifier-key"
    if not public.exists():
        (folder / "key").unlink(missing_ok=True)
        made = _run("keygen", "--name", NAME, "--key", str(folder / "key"))
        public.write_text(made.stdout, encoding="utf-8")
    return public.read_text(encoding="utf-8").strip()


def keep_token(folder: Path, token: str) -> None:
    """Where the program finds it, readable for its owner alone."""
    file = folder / "token"
    file.touch(mode=0o600)
    file.write_text(token, encoding="utf-8")


def audit(folder: Path, *, log: str, log_key: str) -> str:
    """One audit of the log at that address; its last words, which are kept in ``said`` too."""
    done = _run(
        "run", log, "--log-key", log_key, "--key", str(folder / "key"), "--state", str(folder / "state"),
        "--token-file", str(folder / "token"), "--keep", str(folder / "entries"),
        "--post", f"{log}/cosignature/{{size}}",
    )  # fmt: skip
    said = done.stderr.strip().rsplit("\n", 1)[-1]
    (folder / "said").write_text(f"{said}\n", encoding="utf-8")
    return said


def start(folder: Path, *, log: str, log_key: str) -> Callable[[], None]:
    """Audit again and again in a thread; returns what stops it."""
    stopping = threading.Event()

    def work() -> None:
        wait = FIRST_AFTER_SECONDS
        while not stopping.wait(wait):
            audit(folder, log=log, log_key=log_key)
            wait = EVERY_SECONDS

    threading.Thread(target=work, name="auditor", daemon=True).start()
    return stopping.set


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - a list of arguments, no shell
        [sys.executable, "-I", str(PROGRAM), *arguments], capture_output=True, text=True, check=False
    )
