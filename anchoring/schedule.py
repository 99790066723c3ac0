"""How every step of the schedule is run, halted and remembered: the row of ``Tick`` that says how the last run went.

A step finds what lacks its successor and inserts it. Retry, crash recovery and the normal run are one code path: a step
that dies anywhere is simply run again. Every step is safe to run twice at once: the database's locks and unique keys
let one of the two win and the other find nothing to do.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils import timezone

from anchoring import store
from anchoring.chain import ChainError, ChainUnavailable
from anchoring.models import Tick


class Halted(Exception):  # noqa: N818 - a state that a person must look at, not an error of the program
    """The step cannot go on; the text says why and what to do. Nothing is lost: entries wait."""


def tick(step: str, run: Callable[[], object], *, health: Callable[[], Sequence[Any]] = tuple) -> str:
    """Run a step for the schedule and note how it went: "" or the problem in words. What it raises beyond is a bug.

    One statement notes it, two if it did not go well. What a step returns is its outcome, said as text. ``Tick.seen``
    keeps apart: ``final``, the last final block that an outcome has ``seen``, also while later runs do not go well;
    ``endpoints``, how each endpoint did in this process, by ``health`` once the step has run; ``trouble``, which
    kind of problem there is.
    """
    now = timezone.now()
    try:
        outcome = run()
    except (Halted, ChainError) as problem:
        _note_trouble(step, problem, health(), now)
        return str(problem)
    final = getattr(outcome, "seen", {})
    seen = ({"final": final} if final else {}) | _endpoints(health())
    row = Tick(step=step, ran_at=now, went_well_at=now, said=getattr(outcome, "sentence", ""), problem="", seen=seen)
    _note(row, "ran_at", "went_well_at", "said", "problem", "seen")
    return ""


@contextmanager
def by_hand(step: str, *, health: Callable[[], Sequence[Any]]) -> Iterator[None]:
    """A run that a person asked for: a trouble is noted as ``tick`` does, and taken back by one that goes well.

    Nothing else is noted, so that a schedule which stands still is seen all the same.
    """
    try:
        yield
    except (Halted, ChainError) as problem:
        _note_trouble(step, problem, health(), timezone.now())
        raise
    Tick.objects.filter(step=step).exclude(problem="").update(problem="")


def _note_trouble(step: str, problem: Halted | ChainError, health: Sequence[Any], now: datetime) -> None:
    seen = _final(step) | _endpoints(health) | {"trouble": _kind(problem)}
    _note(Tick(step=step, ran_at=now, problem=str(problem), seen=seen), "ran_at", "problem", "seen")


def _kind(problem: Halted | ChainError) -> str:
    """``halted``: a person must look; ``silent``: nobody answers, or lags; ``refused``: a node said no."""
    if isinstance(problem, Halted):
        return "halted"
    return "silent" if isinstance(problem, ChainUnavailable) else "refused"


def _final(step: str) -> dict[str, object]:
    """The last final block that an earlier run has seen."""
    before = Tick.objects.filter(step=step).order_by("pk").values_list("seen", flat=True).first() or {}
    return {"final": before["final"]} if "final" in before else {}


def _endpoints(health: Sequence[Any]) -> dict[str, object]:
    return {"endpoints": [asdict(line) for line in health]} if health else {}


def _note(row: Tick, *fields: str) -> None:
    store.upsert(row, fields)
