"""Every vector file, judged by the verifier as a library and as the one file that people download."""

import filecmp
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from anchoring import verify
from tests.anchoring import verify_world as world
from tests.vectors import make

HERE = Path(__file__).parent
VERIFIER = Path(verify.__file__)
INDEX: list[dict[str, Any]] = json.loads((HERE / "index.json").read_text())
BY_NAME = {vector["name"]: vector for vector in INDEX}


def node_of(vector: dict[str, Any]) -> Any:
    """A node that answers as the vector says, or nothing."""
    if "rpc" not in vector:
        return nullcontext()
    answers = json.loads((HERE / vector["rpc"]).read_text())
    return world.serve({world.ask(a["method"], *a["params"]): a["result"] for a in answers})


def command_line(vector: dict[str, Any], node: world.FakeNode | None) -> list[str]:
    rpc = ["--rpc", node.url] if node else []
    receipt = ["--receipt", str(HERE / vector["receipt"])] if "receipt" in vector else []
    files = [str(HERE / vector["file"]), "--trust", str(HERE / vector["trust"]), *receipt]
    return [*files, *rpc, *vector["arguments"], "--json"]


def judged(exit_code: int, output: str) -> dict[str, Any]:
    lines = json.loads(output)["lines"]
    return {"exit": exit_code, "lines": {str(line["number"]): line["status"] for line in lines}}


def expected(vector: dict[str, Any]) -> dict[str, Any]:
    return {"exit": vector["exit"], "lines": vector["lines"]}


@pytest.mark.parametrize("name", BY_NAME)
def test_the_verifier_says_what_the_index_says(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    vector = BY_NAME[name]
    with node_of(vector) as node:
        exit_code = verify.main(command_line(vector, node))
    assert judged(exit_code, capsys.readouterr().out) == expected(vector)


def test_each_vector_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(INDEX)


def test_every_file_belongs_to_a_vector() -> None:
    named = {vector[kind] for vector in INDEX for kind in ("file", "trust", "rpc", "receipt") if kind in vector}
    assert {str(path.relative_to(HERE)) for folder in make.FOLDERS for path in (HERE / folder).iterdir()} == named


def test_a_bad_file_differs_from_the_good_one() -> None:
    """A defect that misses its place would leave a good file under a bad name."""
    assert [v["name"] for v in INDEX if v["name"].startswith("malformed-") and v["file"] == "files/good.json"] == []


def test_making_the_vectors_again_gives_the_same_bytes(tmp_path: Path) -> None:
    make.write(tmp_path)
    for folder in ("", *make.FOLDERS):
        compared = filecmp.dircmp(tmp_path / folder, HERE / folder)
        assert filecmp.cmpfiles(tmp_path / folder, HERE / folder, compared.common_files, shallow=False)[1:] == ([], [])
        assert compared.left_only == []


def run_alone(folder: Path, vector: dict[str, Any], python: str = sys.executable) -> dict[str, Any]:
    """The verifier as people run it: a copy in an empty folder, isolated from every installed package."""
    with node_of(vector) as node:
        command = [python, "-I", "verify.py", *command_line(vector, node)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, encoding="utf-8")
    assert done.stderr == ""
    return judged(done.returncode, done.stdout)


@pytest.fixture
def empty_folder(tmp_path: Path) -> Path:
    shutil.copy(VERIFIER, tmp_path / "verify.py")
    return tmp_path


@pytest.mark.slow
def test_the_file_copied_alone_into_an_empty_folder_says_the_same(empty_folder: Path) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        outcomes = list(pool.map(lambda vector: run_alone(empty_folder, vector), INDEX))
    assert dict(zip(BY_NAME, outcomes, strict=True)) == {name: expected(vector) for name, vector in BY_NAME.items()}


SOME = (
    "good-through-a-node", "malformed-deep", "malformed-lone-surrogate", "record-two-numbers", "receipt-good",
    "event-good-block-hash", "event-good-transaction-256-of-300", "event-good-through-a-node", "event-leaf-bit-flipped",
    "event-rlp-nested-9-deep", "anchor-of-an-unknown-format", "history-good-through-a-node",
)  # fmt: skip


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13", "3.14"])
def test_other_versions_of_python_say_the_same(empty_folder: Path, version: str) -> None:
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"Python {version} is not installed here")
    outcomes = {name: run_alone(empty_folder, BY_NAME[name], python) for name in SOME}
    assert outcomes == {name: expected(BY_NAME[name]) for name in SOME}
