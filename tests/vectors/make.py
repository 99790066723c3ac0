"""Write the vector files: `python -m tests.vectors.make`, from the repository's root.

Every verifier of proofs of record, in whatever language, must say about each file what index.json says. The
files follow from this script alone: running it again gives the same bytes. index.json is a list of

    name       the defect, or good-…
    file       a proof of record or a receipt
    trust      the trust file that is believed
    rpc        where a node is asked: its answers, a list of {"method", "params", "result"}; a call that is not in the
               list is answered with a JSON-RPC error
    receipt    the file that the argument --receipt names
    arguments  further arguments of the command line (docs/protocol.md §8)
    exit       the exit code
    lines      line → passed | failed | pending | not checked; {} when file or trust file are refused as a whole
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.vectors import chain_cases, event_cases, history_cases, proof_cases, trust_cases
from tests.vectors.vector import WORDS, Vector

HERE = Path(__file__).parent
FOLDERS = ("files", "trust", "rpc")


def vectors() -> Iterator[Vector]:
    yield from proof_cases.cases()
    yield from chain_cases.cases()
    yield from event_cases.cases()
    yield from trust_cases.cases()
    yield from history_cases.cases()


def write(folder: Path) -> None:
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    store, index = Store(folder), []
    for vector in vectors():
        index.append(describe(vector, store))
    text = ",\n".join(json.dumps(line, sort_keys=True) for line in index)
    (folder / "index.json").write_text(f"[\n{text}\n]\n")


def describe(vector: Vector, store: "Store") -> dict[str, Any]:
    line: dict[str, Any] = {
        "arguments": list(vector.arguments),
        "exit": vector.exit,
        "file": store.put("files", vector.name, vector.file),
        "lines": {str(number): WORDS[letter] for number, letter in enumerate(vector.letters, start=1)},
        "name": vector.name,
        "trust": store.put("trust", vector.name, vector.trust),
    }
    if vector.rpc is not None:
        answers = [
            {"method": method, "params": params, "result": vector.rpc[question]}
            for question in vector.rpc
            for method, params in [json.loads(question)]
        ]
        line["rpc"] = store.put("rpc", vector.name, json.dumps(answers, indent=1).encode())
    if vector.receipt is not None:
        line["receipt"] = store.put("files", f"{vector.name}-receipt", vector.receipt)
    return line


class Store:
    """Writes each content once, under the name of the first vector that needs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: dict[tuple[str, bytes], str] = {}

    def put(self, kind: str, name: str, content: bytes) -> str:
        if (kind, content) not in self.written:
            path = f"{kind}/{name}{'.txt' if content.startswith(b'touchstone') else '.json'}"
            self.written[kind, content] = path
            (self.folder / kind).mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(content)
        return self.written[kind, content]


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
