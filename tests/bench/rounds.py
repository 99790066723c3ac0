"""Paired rounds: in each round every case has its turn, so that what disturbs the machine disturbs all of them."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from django.db import connection, connections
from tqdm import tqdm

from anchoring.protocol import tiles
from tests.bench.writers import Took

_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Paired:
    """What the rounds gave: case → its times, round by round."""

    times: Mapping[str, Sequence[Took]]

    def wall(self, name: str) -> float:
        """The median time of the case in seconds."""
        return statistics.median(t.wall for t in self.times[name])

    def cpu(self, name: str) -> float:
        """The median of the client's CPU in seconds."""
        return statistics.median(t.cpu for t in self.times[name])

    def rate(self, name: str) -> float:
        """Of the case, a second."""
        return 1 / self.wall(name)

    def ratio(self, name: str, to: str) -> float:
        """The median over the rounds of the case's time by that of ``to`` in the same round."""
        return statistics.median(a.wall / b.wall for a, b in self._pairs(name, to))

    def cpu_ratio(self, name: str, to: str) -> float:
        """The same of the client's CPU."""
        return statistics.median(a.cpu / b.cpu for a, b in self._pairs(name, to))

    def added(self, name: str, to: str) -> float:
        """The median time in seconds that the case takes longer than ``to``."""
        return statistics.median(a.wall - b.wall for a, b in self._pairs(name, to))

    def added_cpu(self, name: str, to: str) -> float:
        """The same of the client's CPU."""
        return statistics.median(a.cpu - b.cpu for a, b in self._pairs(name, to))

    def _pairs(self, name: str, to: str) -> list[tuple[Took, Took]]:
        return list(zip(self.times[name], self.times[to], strict=True))


def paired(title: str, cases: Mapping[str, Callable[[], Took]], *, rounds: int) -> Paired:
    """Run every case once to warm up, then in turn, beginning with another one each round."""
    names = list(cases)
    for name in names:
        cases[name]()
    times: dict[str, list[Took]] = {name: [] for name in names}
    for turn in tqdm(range(rounds), desc=title, leave=False, disable=None):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            times[name].append(cases[name]())
    return Paired(times)


def timed(function: Callable[[], object], *, times: int = 1) -> Took:
    """The time of one call, over ``times`` of them."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        function()
    return Took((time.perf_counter() - wall) / times, (time.process_time() - cpu) / times)


def in_a_new_process(function: Callable[[], object]) -> Took:
    """The time of the first call in a process that has a connection and remembers nothing."""
    connections.close_all()
    ours, theirs = _fork.Pipe()
    process = _fork.Process(target=_once, args=(theirs, function))
    process.start()
    theirs.close()
    took: Took = ours.recv()
    process.join()
    return took


def _once(pipe: Connection, function: Callable[[], object]) -> None:
    tiles._remembered_root.cache_clear()
    connection.ensure_connection()
    pipe.send(timed(function))
    connections.close_all()
