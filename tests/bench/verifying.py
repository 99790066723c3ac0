"""P10: checking an inclusion path beside the bare hashes of its climb; and a whole proof, as its reader checks it."""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

from anchoring import verify
from anchoring.protocol import merkle, tiles
from tests.bench.rounds import paired, timed
from tests.bench.table import Line, at_most
from tests.bench.writers import Took

VECTORS = Path(__file__).parent.parent / "vectors"
PROOF = VECTORS / "files" / "event-good-transaction-255-of-300.json"  # with the receipt's way through the trie
TRUST = VECTORS / "trust" / "good.json"
PYTHON = {
    "check": [sys.executable, verify.__file__, str(PROOF), "--trust", str(TRUST), "--require", "1-3"],
    "start": [sys.executable, "-c", "pass"],
}
PAGE = Path(verify.__file__).parent / "static/anchoring/verify.js"
JOB = json.dumps([{"name": "proof", "file": str(PROOF), "trust": str(TRUST), "arguments": ["--require", "1-3"]}])


def lines(*, size: int, rounds: int, times: int) -> list[Line]:
    """A tree of ``size`` leaves in memory; each round takes a path of another leaf."""
    grown = tiles.append(size=0, tiles={}, leaves=[os.urandom(32) for _ in range(size)])
    reader = tiles.TileReader(lambda wanted: {tile: grown.tiles[tile] for tile in wanted})
    index = random.Random(9162).randrange(size)  # noqa: S311 - any leaf will do
    path = merkle.prove_inclusion(index=index, size=size, read=reader)
    leaf = grown.tiles[0, index // 256][index % 256 * 32 :][:32]
    cases: dict[str, Callable[[], object]] = {
        "verify.py": partial(verify.check_inclusion, index=index, size=size, leaf=leaf, path=path, root=grown.root),
        "protocol": partial(merkle.check_inclusion, index=index, size=size, leaf=leaf, proof=path, root=grown.root),
        "climb": partial(_climb, leaf, _turns(index, size, path)),
    }
    assert _climb(leaf, _turns(index, size, path)) == grown.root
    found = paired("checks", {name: partial(timed, f, times=times) for name, f in cases.items()}, rounds=rounds)
    climb = f"climb {1e6 * found.wall('climb'):.1f} µs, {len(path)} hashes"
    return [
        Line(
            f"P10 inclusion check of {name} at {size:,} entries ÷ bare hashes of the climb",
            f"{found.ratio(name, 'climb'):.2f} ({1e6 * found.wall(name):.1f} µs)", climb,
            *at_most(found.ratio(name, "climb"), 1.3, 1.6),
        )
        for name in ("verify.py", "protocol")
    ]  # fmt: skip


def _turns(index: int, size: int, path: list[bytes]) -> list[tuple[bool, bytes]]:
    """The siblings with the side on which each stands (True: left), worked out beforehand."""
    inner = (index ^ (size - 1)).bit_length()
    return [(level >= inner or bool(index >> level & 1), sibling) for level, sibling in enumerate(path)]


def _climb(node: bytes, turns: list[tuple[bool, bytes]]) -> bytes:
    """Nothing but the hashes: no check of lengths, of the path's shape or of the result."""
    for is_left, sibling in turns:
        node = sha256(b"\x01" + sibling + node if is_left else b"\x01" + node + sibling).digest()
    return node


def whole_proof_lines(*, rounds: int) -> list[Line]:
    """Lines 1 to 3, offline: encodings, signatures, path, and the event's way up to the block's hash.

    The page's script is run by Node, from its start; without Node its line is missing, loudly.
    """
    found = paired("verify.py", {name: partial(_run, command) for name, command in PYTHON.items()}, rounds=rounds)
    added = 1000 * found.added_cpu("check", "start")
    alone = timed(partial(verify.verify, PROOF.read_bytes(), TRUST.read_bytes()), times=rounds)
    name = "on a proof with a receipt of a block of 300, lines 1 to 3: CPU beyond the interpreter's start"
    in_python = Line(
        f"verify.py {name}",
        f"{added:.0f} ms, the check itself {1000 * alone.cpu:.0f} ms", f"the start {1000 * found.cpu('start'):.0f} ms",
        *at_most(added, 80, 160),
    )  # fmt: skip
    node = shutil.which("node")
    if node is None:
        print("NODE IS MISSING: what the verifier page costs was NOT measured. Install Node.js 20 or later.")
        return [in_python]
    page = {
        "check": [node, str(VECTORS / "run_page.mjs"), str(PAGE)],
        "start": [node, "-e", ""],
    }
    found = paired("the page", {name: partial(_run, command) for name, command in page.items()}, rounds=rounds)
    added = 1000 * found.added_cpu("check", "start")
    return [
        in_python,
        Line(
            f"the verifier page {name}", f"{added:.0f} ms", f"the start {1000 * found.cpu('start'):.0f} ms",
            *at_most(added, 500),
        ),
    ]  # fmt: skip


def _run(command: list[str]) -> Took:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    given = {"input": JOB, "text": True, "check": True, "stdout": subprocess.DEVNULL}
    took = timed(partial(subprocess.run, command, **given))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(took.wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
