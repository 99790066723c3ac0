"""What the log shows of itself to everybody and to auditors: checkpoints, hash tiles, entry bundles (C2SP tlog-tiles).

The same bytes come from the addresses under ``/log/`` (``auditing.py``) and from ``export_log``. Nothing beyond the
newest signed checkpoint is shown: only what is signed cannot change any more.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from anchoring.bundles import bundle
from anchoring.cosignatures import cosigned_note
from anchoring.models import Checkpoint
from anchoring.protocol.bundle import parse_bundle_path
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.tiles import HASH_SIZE, TILE_SIZE, WIDTH, edge, parse_tile_path, tile_path
from anchoring.stages import confirmations, current_registration
from anchoring.store import read_tiles

Parsed = TypeVar("Parsed")
BATCH = 256
"""How many tiles are read at once."""


class NotShown(LookupError):  # noqa: N818 - an answer, not an error
    """The signed log does not have that, or has it in another width."""


def newest_checkpoint() -> Checkpoint | None:
    """The newest checkpoint that is anchored under the current registration: what auditors look at."""
    anchored = confirmations().filter(anchor__registration=current_registration())
    newest = anchored.select_related("anchor__checkpoint").order_by("-anchor__checkpoint").first()
    return newest.anchor.checkpoint if newest else None


def newest_note() -> str:
    """Its note with the cosignatures that there are. Raises NotShown."""
    checkpoint = newest_checkpoint()
    if checkpoint is None:
        raise NotShown("no checkpoint is anchored yet")
    return cosigned_note(checkpoint)


def own_note(size: int) -> str:
    """The checkpoint of that size as the log signed it, without cosignatures: these bytes never change."""
    checkpoint = Checkpoint.objects.filter(pk=size).first()
    if checkpoint is None:
        raise NotShown(f"there is no checkpoint of size {size}")
    return checkpoint.note


def tile(path: str) -> bytes:
    """The hash tile at ``tile/<L>/<N>[.p/<W>]``. A width below what there is now is served too. Raises NotShown."""
    level, n, width = _parsed(parse_tile_path, path)
    wanted = width or WIDTH
    if n * WIDTH + wanted > _signed_size() >> 8 * level:
        raise NotShown(f"the signed log has no {path}")
    hashes = read_tiles([(level, n)]).get((level, n), b"")
    assert len(hashes) >= wanted * HASH_SIZE, f"tile {level}/{n} is too short: run fsck"
    return hashes[: wanted * HASH_SIZE]


def entries(path: str) -> bytes:
    """The entry bundle at ``tile/entries/<N>[.p/<W>]``, for whoever may read it. Raises NotShown."""
    n, width = _parsed(parse_bundle_path, path)
    if n * WIDTH + (width or WIDTH) > _signed_size():
        raise NotShown(f"the signed log has no {path}")
    return bundle(n, width)


def _parsed(parse: Callable[[str], Parsed], path: str) -> Parsed:
    try:
        return parse(path)
    except Malformed as problem:
        raise NotShown(str(problem)) from problem


def _signed_size() -> int:
    newest = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first()
    return newest or 0


# As files ------------------------------------------------------------------------------------------------------------


def tile_paths(size: int) -> list[tuple[tuple[int, int], int]]:
    """Every tile of a tree of that size, with its width; the lowest level first."""
    partial = edge(size)
    found = []
    level, count = 0, size
    while count:
        found += [((level, n), WIDTH) for n in range(count // WIDTH)]
        found += [((level, n), partial[level, n]) for n in [count // WIDTH] if (level, n) in partial]
        level, count = level + 1, count // WIDTH
    return found


def export_log(folder: Path, checkpoint: Checkpoint) -> Iterator[bool]:
    """Write its tiles, then ``checkpoint`` itself; for each tile whether it was written now.

    What is there is never written again: a file appears whole or not at all. Raises OSError.
    """
    wanted = tile_paths(checkpoint.size)
    for start in range(0, len(wanted), BATCH):
        missing = {pair for pair in wanted[start : start + BATCH] if not (folder / _name(*pair)).exists()}
        hashes = read_tiles([where for where, _ in missing])
        for where, width in missing:
            assert len(hashes[where]) >= width * HASH_SIZE, f"tile {where} is too short: run fsck"
            _write(folder / _name(where, width), hashes[where][: width * HASH_SIZE])
        yield from (pair in missing for pair in wanted[start : start + BATCH])
    _write(folder / "checkpoint", cosigned_note(checkpoint).encode())


def _name(where: tuple[int, int], width: int) -> str:
    return tile_path(*where, width if width * HASH_SIZE < TILE_SIZE else None)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
