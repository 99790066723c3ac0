"""What a vector is: files for a verifier and what every verifier must say about them."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.anchoring import verify_world as world

WORDS = {"p": "passed", "f": "failed", "w": "pending", "n": "not checked"}
OFFLINE = ("--require", "1,2")
Change = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Vector:
    """`lines` has one letter a line (see WORDS), and none when the file is malformed or the trust file unusable."""

    name: str
    file: bytes
    exit: int
    lines: str = ""
    trust: bytes = field(default_factory=world.trust)
    rpc: world.ANSWERS | None = None
    arguments: tuple[str, ...] = ()
    receipt: bytes | None = None

    @property
    def letters(self) -> str:
        """All lines: what says nothing of 6 and 7 has no history and no cosignature, so that they are not checked."""
        return f"{self.lines}nn" if len(self.lines) == 5 else self.lines


def good_document() -> dict[str, Any]:
    return world.sealed(world.alice_claims())


def changed(change: Change, document: dict[str, Any] | None = None) -> dict[str, Any]:
    copied = copy.deepcopy(document or good_document())
    change(copied)
    return copied


def malformed(name: str, document: dict[str, Any] | Change) -> Vector:
    """A proof that breaks the schema; its checksum is right, so that nothing else can be the reason."""
    return raw(name, world.finish(changed(document) if callable(document) else document))


def raw(name: str, file: bytes) -> Vector:
    return Vector(name, file, exit=1)


def offline(name: str, lines: str, document: dict[str, Any] | Change, **members: Any) -> Vector:
    """A well-formed proof checked without a node, of which lines 1 and 2 are required."""
    exit_code = 1 if "f" in lines else 3 if set(lines[:2]) != {"p"} else 0
    built = changed(document) if callable(document) else document
    return Vector(name, world.finish(built), exit_code, lines, arguments=OFFLINE, **members)


def put(path: str, value: Any) -> Change:
    """A change that sets the member at a dotted path, or removes it when the value is `...`."""
    return partial(_put, path.split("."), value)


def _put(path: list[str], value: Any, document: Any) -> None:
    *way, last = [int(step) if step.isdecimal() else step for step in path]
    for step in way:
        document = document[step]
    if value is ...:
        del document[last]
    else:
        document[last] = value
