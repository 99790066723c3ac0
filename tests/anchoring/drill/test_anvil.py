"""Where anvil is looked for, and how it is installed: by an npm that is there, and not at all without a loud word."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anchoring.drill import anvil
from anchoring.drill.anvil import PACKAGES, VERSION, NoAnvil, find_anvil
from anchoring.drill.node import Node

# Stands in for npm: notes that it ran, with which certificates, and leaves a program where the package has it.
NPM = """#!/bin/sh
PATH=/usr/bin:/bin
echo "$NODE_EXTRA_CA_CERTS $*" >> {folder}/ran
mkdir -p {binary_folder}
printf '#!/bin/sh\nexit {code}\n' > {binary_folder}/anvil
chmod +x {binary_folder}/anvil
"""


@pytest.fixture
def clone(tmp_path) -> Path:
    """A folder with the one file in its place, which runs alone."""
    (tmp_path / "clone" / "anchoring" / "drill").mkdir(parents=True)
    shutil.copy(anvil.__file__, tmp_path / "clone" / "anchoring" / "drill")
    return tmp_path / "clone"


def install(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it with nothing on the PATH but the folder ``path`` beside the clone, and a pip that reaches no index."""
    (clone.parent / "path").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, str(clone / "anchoring" / "drill" / "anvil.py")],
        env={"PATH": str(clone.parent / "path"), "PIP_NO_INDEX": "1"} | environment, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


def npm_beside(clone: Path, code: int) -> None:
    """An npm whose anvil ends with that code."""
    binary = clone / "var" / "anvil" / find_ours().relative_to(PACKAGES.parents[1])
    (clone.parent / "path").mkdir()
    npm = clone.parent / "path" / "npm"
    npm.write_text(
        "#!/bin/sh\nPATH=/usr/bin:/bin\n" + NPM.format(folder=clone.parent, binary_folder=binary.parent, code=code)
    )
    npm.chmod(0o755)


def find_ours() -> Path:
    return PACKAGES / f"anvil-{anvil.platform_name()}" / "bin" / "anvil"


def test_it_is_installed_once_by_the_npm_that_is_there(clone) -> None:
    npm_beside(clone, code=0)
    certificates = clone / "ca.crt"
    certificates.touch()
    done = install(clone, SSL_CERT_FILE=str(certificates))
    assert (done.returncode, done.stderr) == (0, f"Installing anvil {VERSION} into {clone}/var/anvil, once …\n")
    again = install(clone)
    assert (again.returncode, again.stderr, again.stdout) == (0, "", "")
    assert (clone.parent / "ran").read_text() == (
        f"{certificates} install --prefix {clone}/var/anvil --no-audit --no-fund --ignore-scripts --fetch-retries=1"
        f" --fetch-retry-mintimeout=1000 @foundry-rs/anvil@{VERSION}\n"
    )


def test_where_it_cannot_be_had_a_loud_word_is_all(clone) -> None:
    done = install(clone)
    said = done.stderr.split("\n")
    assert (done.returncode, said[1]) == (0, "ANVIL IS MISSING, so the drills on a real node are skipped:")
    assert said[2] == "npm is not on the PATH."
    assert said[3].startswith("`") and "pip install" in said[3] and "` failed: " in said[3]


def test_one_that_does_not_run_here_is_not_kept(clone) -> None:
    npm_beside(clone, code=1)
    done = install(clone)
    assert (done.returncode, "ANVIL IS MISSING" in done.stderr, "--version` failed" in done.stderr) == (0, True, True)
    assert not (clone / "var" / "anvil").exists()


def test_one_of_the_operators_own_is_taken_as_it_is(clone) -> None:
    done = install(clone, ANVIL=sys.executable)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (clone / "var").exists()


def test_a_variable_that_names_no_program_is_said_and_nothing_installed(clone) -> None:
    done = install(clone, ANVIL="/nowhere")
    assert (done.returncode, done.stderr.split("\n")[:2]) == (0, [
        "ANVIL IS MISSING, so the drills on a real node are skipped:",
        "ANVIL names /nowhere, which is no program: correct it, or unset it and run `make anvil`.",
    ])  # fmt: skip


def test_the_variable_wins_and_must_name_a_program(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ANVIL", sys.executable)
    assert find_anvil() == Path(sys.executable)
    (tmp_path / "text").write_text("")
    monkeypatch.setenv("ANVIL", str(tmp_path / "text"))
    with pytest.raises(NoAnvil, match="which is no program: correct it, or unset it and run `make anvil`"):
        find_anvil()


def test_the_path_comes_before_what_we_installed(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("ANVIL", raising=False)
    (tmp_path / "anvil").write_text("#!/bin/sh\n")
    (tmp_path / "anvil").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_anvil() == tmp_path / "anvil"


def test_without_any_anvil_a_node_says_what_to_do(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("ANVIL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(anvil, "PACKAGES", tmp_path)
    assert find_anvil() is None
    with pytest.raises(NoAnvil, match="No anvil was found: run `make anvil`, or set ANVIL to its path"):
        Node()
