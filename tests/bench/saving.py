"""P1 and P2: an audited save beside a plain one, one and more writers; and that no lock is shared between writers."""

import uuid
from collections.abc import Callable
from functools import partial

from django.db import transaction

from tests.bench import cases as c
from tests.bench.rounds import Paired, paired
from tests.bench.table import Line, at_most
from tests.bench.writers import Took, Writers

TARGETS = {"update": 1.35, "insert": 1.5}
OPERATIONS = ("update", "insert")


def measure(*, writers: int, rounds: int, writes: int, cases: list[c.Case]) -> dict[str, Paired]:
    """Update and insert → the paired times of all cases."""
    with Writers(writers, cases) as group:
        return {
            operation: paired(
                f"{operation}s, {_writers(writers)}",
                {case.name: partial(group.run, i, operation, writes) for i, case in enumerate(cases)},
                rounds=rounds,
            )
            for operation in OPERATIONS
        }


def lines(results: dict[int, dict[str, Paired]]) -> list[Line]:
    """P1 for each number of writers, P2 and the rates."""
    each = [(writers, operation, found[operation]) for writers, found in results.items() for operation in OPERATIONS]
    return [*(_p1(*one) for one in each), *(_p2(*one) for one in each)]


def _p1(writers: int, operation: str, found: Paired) -> Line:
    def text(name: str) -> str:
        return f"{found.ratio(name, plain):.2f} (CPU {found.cpu_ratio(name, plain):.2f})"

    plain, ours = c.PLAIN.name, c.OURS.name
    peers = [f"{name.removeprefix('django-')} {text(name)}" for name in found.times if name not in (plain, ours)]
    return Line(
        f"P1 audited {operation} ÷ plain, {_writers(writers)} (plain {1000 * found.wall(plain):.2f} ms)",
        text(ours), "; ".join(peers), *at_most(found.ratio(ours, plain), TARGETS[operation], 1.7),
    )  # fmt: skip


def _p2(writers: int, operation: str, found: Paired) -> Line:
    plain, ours, peer = c.PLAIN.name, c.OURS.name, c.SIMPLE_HISTORY.name
    share = found.added(ours, plain) / found.added(peer, plain)
    cpu = found.added_cpu(ours, plain) / found.added_cpu(peer, plain)
    return Line(
        f"P2 time added to an {operation} ÷ simple-history's, {_writers(writers)}",
        f"{share:.2f} (CPU {cpu:.2f}; {1000 * found.added(ours, plain):+.2f} ms)",
        f"simple-history {1000 * found.added(peer, plain):+.2f} ms, auditlog"
        f" {1000 * found.added(c.AUDITLOG.name, plain):+.2f} ms",
        *at_most(share, 0.5, 0.8),
    )


def rate_lines(results: dict[int, dict[str, Paired]]) -> list[Line]:
    """How the rate grows with the number of writers, as a share of how the plain save's grows.

    By the paired ratios: one and many writers are measured minutes apart, when the machine may be another one.
    """
    ours, plain, most = c.OURS.name, c.PLAIN.name, max(results)
    out = []
    for operation in OPERATIONS:
        one, many = results[1][operation], results[most][operation]
        share = one.ratio(ours, plain) / many.ratio(ours, plain)
        rates = [f"{found.rate(ours):,.0f} and {found.rate(plain):,.0f}" for found in (one, many)]
        out.append(Line(
            f"{operation}s a second, {most} writers ÷ 1, as a share of the plain save's", f"{share:.2f}",
            f"ours and plain a second: {rates[0]} by 1, {rates[1]} by {most}",
            "≥ 0.8", "met" if share >= 0.8 else "not met",
        ))  # fmt: skip
    return out


def cold_key_line(*, rounds: int, writes: int) -> Line:
    """What a write costs for a person whose data key this process does not hold: another look at the vault."""
    cases = [c.OURS, c.OURS_COLD]
    with Writers(1, cases) as group:
        runs = {case.name: partial(group.run, i, "update", writes) for i, case in enumerate(cases)}
        found = paired("keys", runs, rounds=rounds)
    ratio = found.ratio(c.OURS_COLD.name, c.OURS.name)
    return Line("update with no data key held in memory ÷ with it", f"{ratio:.2f}")


def lock_line(*, rounds: int, writes: int) -> Line:
    """Writes beside a transaction that has recorded and not committed, by those alone; no lock is waited for longer
    than the bench's ``lock_timeout``."""
    with Writers(1, [c.OURS]) as group:
        run = partial(group.run, 0, "insert", writes)
        cases = {"alone": run, "beside": partial(_beside_an_open_transaction, run)}
        found = paired("beside an open transaction", cases, rounds=rounds)
    ratio = found.ratio("beside", "alone")
    return Line("writes beside an open transaction that has recorded ÷ alone", f"{ratio:.2f}", "", *at_most(ratio, 1.2))


def _beside_an_open_transaction(run: Callable[[], Took]) -> Took:
    with transaction.atomic():
        row = c.OURS.new(f"open-{uuid.uuid4().hex[:16]}", uuid.uuid4())
        row.save(force_insert=True)
        c.OURS.after(row, None)
        return run()


def _writers(count: int) -> str:
    return "1 writer" if count == 1 else f"{count} writers"
