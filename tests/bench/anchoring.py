"""A thousand anchors in a row on a real node: what a tick costs as they pile up, and how the tables grow."""

from collections.abc import Callable
from statistics import median
from time import perf_counter

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from anchoring import anchors, config, log, schedule, vault
from anchoring.chain import EthereumChain, Wallet, address_of
from anchoring.drill.anvil import NoAnvil
from anchoring.drill.node import Node
from anchoring.endpoints import Endpoints
from anchoring.log import Subject
from anchoring.models import Anchor, Attempt, Confirmation, Sighting
from anchoring.registration import register_log
from anchoring.routes import Route
from anchoring.seal import sequencer
from tests.bench.table import Line, at_most

ROWS = (Anchor, Attempt, Sighting, Confirmation)


class Counting(EthereumChain):
    """A node whose requests are counted."""

    asked = 0

    def _ask(self, method: str, *params: object) -> object:
        self.asked += 1
        return super()._ask(method, *params)


def lines(*, count: int) -> list[Line]:
    """Anchor ``count`` times; the first tenth is compared with the last."""
    try:
        with Node(slots_in_an_epoch=0, funded=[address_of(config.chain_key())]) as node:
            node.automine()
            return _measure(node, count)
    except NoAnvil as missing:
        return [Line("a thousand anchors in a row", f"NOT MEASURED: {missing}")]


def _measure(node: Node, count: int) -> list[Line]:
    chain = Counting(node.url)
    register_log(chain=chain, key=config.chain_key())
    node.mine_by_hand()
    route = Route((31337,), Endpoints([chain]), Wallet(config.chain_key()))
    sending, confirming, idling, before = [], [], [], [model.objects.count() for model in ROWS]
    for number in range(count):
        _record(number)
        sequencer.close_now()
        sending.append(_timed(lambda: anchors.tick(route), "sent"))
        node.mine()
        confirming.append(_timed(lambda: anchors.tick(route), "confirmed"))
        idling.append(_timed(lambda: anchors.tick(route), "idle"))
    rows = [model.objects.count() - was for model, was in zip(ROWS, before, strict=True)]
    chain.asked = 0
    with CaptureQueriesContext(connection) as captured:
        schedule.tick("anchor", lambda: anchors.tick(route))
    return [
        _flat("tick that sends", sending),
        _flat("tick that confirms", confirming),
        _flat("tick with nothing to do", idling),
        Line(
            f"rows for {count:,} anchors",
            ", ".join(f"{model._meta.model_name} {n:,}" for model, n in zip(ROWS, rows, strict=True)),
            "", "one of each", "met" if rows == [count] * len(ROWS) else "not met",
        ),
        Line(
            "a tick with nothing to do", f"{len(captured)} queries, {chain.asked} requests to the node", "",
            "≤ 3 and ≤ 2", "met" if len(captured) <= 3 and chain.asked <= 2 else "not met",
        ),
    ]  # fmt: skip


def _flat(what: str, seconds: list[float]) -> Line:
    tenth = max(1, len(seconds) // 10)
    first, last = median(seconds[:tenth]), median(seconds[-tenth:])
    target, met = at_most(last / first, 1.2, 1.5)
    return Line(
        f"{what}: the last {tenth} of {len(seconds):,} ÷ the first {tenth}",
        f"{last / first:.2f} ({1000 * last:.1f} ms)", f"first {1000 * first:.1f} ms", target, met,
    )  # fmt: skip


def _record(number: int) -> None:
    with transaction.atomic():
        facts = {vault.HOUSE: {"number": f"N-{number}"}}
        log.record(kind="thing.noted", subject=Subject("thing", str(number)), at=timezone.now(), facts=facts)


def _timed(act: Callable[[], anchors.Outcome], expected: str) -> float:
    began = perf_counter()
    outcome = act()
    taken = perf_counter() - began
    if outcome.word != expected:
        raise RuntimeError(f"the tick was to be {expected}, and it said: {outcome.sentence}")
    return taken
