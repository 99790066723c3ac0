"""Writers that save at the same time: each is a process with a connection of its own, as web workers are."""

import gc
import itertools
import multiprocessing
import time
import uuid
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from django.db import connections

from tests.bench.cases import Case

ROWS = 10  # each writer changes rows of its own, of as many people
_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Took:
    """How long one write took, in seconds: by the clock on the wall, and of the client's CPU."""

    wall: float
    cpu: float


class Writers:
    """``count`` processes that do the same at the same time; use as a context."""

    def __init__(self, count: int, cases: list[Case]) -> None:
        connections.close_all()
        self._pipes: list[Connection] = []
        self._processes = []
        for number in range(count):
            ours, theirs = _fork.Pipe()
            process = _fork.Process(target=_work, args=(theirs, number, cases), daemon=True)
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self) -> "Writers":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.send(None)
        for process in self._processes:
            process.join()

    def run(self, case: int, operation: str, writes: int) -> Took:
        """Each writer does ``writes`` writes; the time of one, over all of them together."""
        self._tell((case, operation, writes))
        self._hear()
        self._tell("go")
        began, ended, cpu = zip(*self._hear(), strict=True)
        total = writes * len(self._pipes)
        return Took((max(ended) - min(began)) / total, sum(cpu) / total)

    def _tell(self, what: Any) -> None:
        for pipe in self._pipes:
            pipe.send(what)

    def _hear(self) -> list[Any]:
        return [pipe.recv() for pipe in self._pipes]


def _work(pipe: Connection, number: int, cases: list[Case]) -> None:
    """One writer: make rows to change, then write whenever told."""
    people = [uuid.uuid4() for _ in range(ROWS)]
    serials = itertools.count()

    def fresh(case: Case, count: int) -> list[Any]:
        return [case.new(f"{number}-{uuid.uuid4().hex[:12]}-{next(serials)}", people[i % ROWS]) for i in range(count)]

    pks = []
    for case in cases:
        rows = fresh(case, ROWS)
        for row in rows:
            case.insert(row)
        pks.append([row.pk for row in rows])
    while order := pipe.recv():
        index, operation, writes = order
        case = cases[index]
        if operation == "insert":
            todo = [(case.insert, (row,)) for row in fresh(case, writes)]
        else:
            todo = [(case.update, (pks[index][i % ROWS], i)) for i in range(writes)]
        gc.collect()
        pipe.send("ready")
        pipe.recv()
        began, cpu = time.monotonic(), time.process_time()
        for function, arguments in todo:
            function(*arguments)
        pipe.send((began, time.monotonic(), time.process_time() - cpu))
    connections.close_all()
