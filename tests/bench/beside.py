"""P9: eight writers of audited rows with the sequencer running beside them, and without it."""

import multiprocessing
from collections.abc import Callable
from functools import partial
from multiprocessing.synchronize import Event

from django.db import connections

from anchoring.seal import sequencer
from tests.bench import cases as c
from tests.bench.rounds import paired
from tests.bench.table import Line, at_least
from tests.bench.writers import Took, Writers

EVERY = 0.2  # seconds between two sequencings: ten times as often as in use
WRITERS = 8
_fork = multiprocessing.get_context("fork")


def line(*, rounds: int, writes: int, size: int) -> Line:
    """``writes`` updates of each writer a round, on a log of ``size``."""
    with Writers(WRITERS, [c.OURS]) as group:
        run = partial(group.run, 0, "update", writes)
        cases = {"on": partial(_beside_a_sequencer, run), "off": partial(_alone, run)}
        found = paired("writers and sequencer", cases, rounds=rounds)
    share = found.ratio("off", "on")  # of times, so the other way round than of rates
    return Line(
        f"P9 updates a second by {WRITERS} writers at {size:,}, with a sequencer every {EVERY} s ÷ without",
        f"{share:.2f} ({found.rate('on'):,.0f}/s)", f"without {found.rate('off'):,.0f}/s", *at_least(share, 0.95, 0.85),
    )  # fmt: skip


def _alone(run: Callable[[], Took]) -> Took:
    sequencer.sequence()
    return run()


def _beside_a_sequencer(run: Callable[[], Took]) -> Took:
    sequencer.sequence()
    connections.close_all()
    enough = _fork.Event()
    beside = _fork.Process(target=_sequence_until, args=(enough,), daemon=True)
    beside.start()
    try:
        return run()
    finally:
        enough.set()
        beside.join()


def _sequence_until(enough: Event) -> None:
    while not enough.wait(EVERY):
        sequencer.sequence()
    connections.close_all()
