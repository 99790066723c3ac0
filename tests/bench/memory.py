"""P8: what sequencing and proving add to the memory of a process that has Django and a connection, and nothing else."""

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection

from anchoring.models import Head
from anchoring.protocol.merkle import prove_inclusion
from anchoring.protocol.tiles import TileReader
from anchoring.seal import sequencer
from anchoring.store import read_tiles
from tests.bench import log_of
from tests.bench.table import Line, at_most

SEQUENCER, PROVER = "sequencer", "prover"
START = "import django; django.setup(); from tests.bench import memory; memory.print_added({!r})"


def measure(*, batch: int, proofs: int) -> dict[str, float]:
    """Megabytes added at the peak: by sequencing three times ``batch`` entries, by so many paths at the newest size."""
    log_of.record_all(log_of.entries(3 * batch))
    return {who: _added(who, times) for who, times in ((SEQUENCER, 3 * batch), (PROVER, proofs))}


def lines(found: Mapping[int, Mapping[str, float]]) -> list[Line]:
    """At each size of the log."""
    return [
        Line(
            f"P8 memory that the {who} adds to its process",
            "; ".join(f"{added[who]:.1f} MB at {size:,}" for size, added in found.items()),
            "", *at_most(max(added[who] for added in found.values()), 64, 128),
        )
        for who in (SEQUENCER, PROVER)
    ]  # fmt: skip


def _added(who: str, times: int) -> float:
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + connection.settings_dict["NAME"]).geturl()
    command = [sys.executable, "-c", START.format((who, times))]
    done = subprocess.run(
        command, env=os.environ | {"DATABASE_URL": url}, check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout)


def print_added(work: tuple[str, int]) -> None:
    """In the new process: do the work and print by how many megabytes its peak exceeds what it had before."""
    who, times = work
    connection.ensure_connection()
    before = _kilobytes("VmRSS")
    if who == SEQUENCER:
        assert sequencer.sequence() == times
    else:
        size = Head.objects.get().size
        for _ in range(times):
            prove_inclusion(index=random.randrange(size), size=size, read=TileReader(read_tiles))
    print((_kilobytes("VmHWM") - before) / 1024)


def _kilobytes(name: str) -> int:
    """Of this process; what ``getrusage`` says of a peak includes the process that started this one."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0])
