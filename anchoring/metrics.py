"""The log's figures for Prometheus, read off the rows when they are asked for; no chain is asked.

Every process gives the same answer, so that nothing is shared between them. Seconds, gwei (10^9 wei), counts.
"""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anchoring import config
from anchoring.models import Checkpoint, Entry, Leaf, Retraction
from anchoring.networks import GWEI
from anchoring.standing import WORDS, cost
from anchoring.status import STEP_NAMES, LogStatus, log_status

PREFIX = "touchstone_"


class LogCollector(Collector):
    """Reads the database anew for each scrape: some twenty-five small queries."""

    def describe(self) -> list[Metric]:
        """Nothing to find out beforehand: no database is asked when the registry is made."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All figures."""
        now = timezone.now()
        status = log_status(now)
        yield from _log(status, now)
        yield from _steps(status, now)
        yield from _anchors(status, now)
        yield from _coin(status)
        yield from _endpoints(status)
        yield from _network(now)


def exposition(accept: str) -> tuple[bytes, str]:
    """The text and its media type, in the format that the reader accepts."""
    registry = CollectorRegistry()
    registry.register(LogCollector())
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


def _log(status: LogStatus, now: datetime) -> Iterator[Metric]:
    yield _gauge("log_size", "Entries that have their place in the log.", status.size)
    anchored = status.size - status.not_anchored
    yield _gauge("log_confirmed_size", "Entries that an anchor in a final block covers.", anchored)
    records = _labelled("waiting_records", "Records that wait for a seal or an anchor (at most 10,000 counted).", "for")
    records.add_metric(["seal"], status.records_waiting)
    records.add_metric(["anchor"], status.records_not_anchored)
    yield records
    lag = _labelled("waiting_seconds", "How long the oldest record has waited; 0 when none does.", "for")
    lag.add_metric(["seal"], _seconds(status.oldest_waiting_at, now))
    lag.add_metric(["anchor"], _seconds(status.not_anchored_since, now))
    yield lag
    yield _gauge("receipts_broken", "Entries that are not sealed although a receipt promised it by now.", _broken(now))
    yield _gauge("sealing_gate_shut", "1 while sealing must not go on after a restore.", bool(status.stopped))
    if status.scan is not None:
        yield _gauge("scan_age_seconds", "Since everything was compared with the log.", _seconds(status.scan.at, now))
        yield _gauge("scan_differences", "Differences that were found then.", status.scan.found)


def _broken(now: datetime) -> int:
    """Entries without a signature above them whose time is up."""
    signed = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0
    late = now.timestamp() - settings.SEAL_WITHIN_SECONDS
    limit = datetime.fromtimestamp(late, tz=now.tzinfo)
    return (
        Entry.objects.filter(pending__isnull=False, at__lt=limit).count()
        + Leaf.objects.filter(index__gte=signed, entry__at__lt=limit).count()
    )


def _steps(status: LogStatus, now: datetime) -> Iterator[Metric]:
    problem = _labelled("step_problem", "1 while a step of the schedule cannot go on.", "step")
    ran = _labelled("step_run_age_seconds", "Since the step last ran.", "step")
    well = _labelled("step_success_age_seconds", "Since the step last went well; absent before the first time.", "step")
    for step, tick in status.ticks.items():
        if step not in STEP_NAMES:  # noted now and then, by no schedule
            continue
        problem.add_metric([step], bool(tick.problem))
        ran.add_metric([step], _seconds(tick.ran_at, now))
        if tick.went_well_at is not None:
            well.add_metric([step], _seconds(tick.went_well_at, now))
    yield from (problem, ran, well)


def _anchors(status: LogStatus, now: datetime) -> Iterator[Metric]:
    state = _labelled("anchoring_state", "1 for the state that anchoring is in.", "state")
    for word in WORDS:
        state.add_metric([word], word == status.standing.word)
    yield state
    waiting, newest = status.standing.under_way, status.confirmation
    yield _gauge(
        "anchor_attempts", "Transactions signed for the anchor under way; 0 when none is.",
        waiting.attempts if waiting else 0,
    )  # fmt: skip
    yield _gauge(
        "anchor_under_way_seconds", "Since the anchor under way was signed first; 0 when none is.",
        _seconds(waiting.since if waiting else None, now),
    )  # fmt: skip
    yield _gauge(
        "anchor_offer_gwei", "Most that the anchor under way offers for a unit of gas; 0 when none is.",
        (waiting.offer if waiting else 0) / GWEI,
    )  # fmt: skip
    if newest is not None:
        yield _gauge("anchor_age_seconds", "Since the newest anchor's block.", _seconds(newest.block_at, now))
        spent = cost(newest)
        if spent is not None:
            yield _gauge("anchor_fee_gwei", "What the newest anchor paid for a unit of gas.", spent.fee / GWEI)
            yield _gauge("anchor_cost_gwei", "What the newest anchor cost in all.", spent.whole / GWEI)
    count = Retraction.objects.count()
    yield CounterMetricFamily(
        f"{PREFIX}retractions", "Anchors whose block the chain gave up although it had called it final.", value=count
    )


def _coin(status: LogStatus) -> Iterator[Metric]:
    yield _gauge(
        "fee_limit_gwei", "CHAIN_MAX_FEE_GWEI: the most we offer for a unit of gas.", settings.CHAIN_MAX_FEE_GWEI
    )
    funds = status.standing.funds
    if funds is not None:
        yield _gauge("key_balance_gwei", "Coin on the anchoring key at the last look.", funds.balance_gwei)
        yield _gauge("anchors_left", "Anchors that it pays for, at what one may have cost then.", funds.anchors_left)


def _endpoints(status: LogStatus) -> Iterator[Metric]:
    """As the worker that looked last has noted them; each worker process keeps its own count."""
    up = GaugeMetricFamily(f"{PREFIX}endpoint_up", "1 if it answered when asked last.", labels=["step", "endpoint"])
    failures = GaugeMetricFamily(
        f"{PREFIX}endpoint_failures", "Times in a row that it did not answer.", labels=["step", "endpoint"]
    )
    for step, tick in status.ticks.items():
        for line in tick.seen.get("endpoints", []):
            up.add_metric([step, line["name"]], line["failures"] == 0)
            failures.add_metric([step, line["name"]], line["failures"])
    yield from (up, failures)


def _network(now: datetime) -> Iterator[Metric]:
    network = config.network()
    left = network.days_left(now.date())
    if left is not None:
        days = _labelled("network_end_of_life_days", "Until the chain's announced end; below 0 after it.", "network")
        days.add_metric([network.name], left)
        yield days


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, what, value=value)


def _labelled(name: str, what: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, what, labels=[label])


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
