"""How the log is doing, for the public page, ``log_status`` and the metrics: figures, lags, and troubles in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from anchoring import restore
from anchoring.models import Checkpoint, Confirmation, Entry, Head, Leaf, Pending, Registration, Scan, Tick
from anchoring.stages import chain_name, confirmations, current_registration, seal_by
from anchoring.standing import Standing, has_stopped, records_from, records_waiting, standing

STEP_NAMES = {"sequence": "Sealing", "anchor": "Anchoring", "anchor next": "Anchoring on the next chain"}


@dataclass(frozen=True)
class LogStatus:
    """One look at the log.

    ``waiting`` and ``not_anchored`` count entries, the log's own among them; ``records_waiting`` and
    ``records_not_anchored`` only what people recorded, up to a bound. ``troubles`` are for operators, ``notices``
    say the same to everybody. ``stopped`` is why sealing must not go on after a restore, or empty.
    """

    size: int
    waiting: int
    records_waiting: int
    oldest_waiting_at: datetime | None
    checkpoint: Checkpoint | None
    registration: Registration | None
    confirmation: Confirmation | None
    not_anchored: int
    records_not_anchored: int
    not_anchored_since: datetime | None
    standing: Standing
    ticks: Mapping[str, Tick]
    stopped: str
    scan: Scan | None
    troubles: list[str]
    notices: list[str]
    alarms: list[str]

    @property
    def differs(self) -> str:
        """What the last scan found, or empty."""
        if self.scan is None or not self.scan.found:
            return ""
        many = "difference" if self.scan.found == 1 else "differences"
        return (
            f"When everything was compared on {self.scan.at:%-d %B %Y %H:%M} UTC, {self.scan.found:,} {many} between"
            " the records and the log came to light. Run: manage.py fsck"
        )

    @property
    def chain_name(self) -> str:
        """The chain of the current registration, in a sentence."""
        return chain_name(self.registration.chain_id) if self.registration else "no chain yet"


def log_status(now: datetime | None = None) -> LogStatus:
    """Read it all; some twenty small queries, independent of the log's size but for the count of what waits."""
    now = now or timezone.now()
    head = Head.objects.filter(pk=1).order_by("pk").first()
    size = head.size if head else 0
    checkpoint = Checkpoint.objects.order_by("-size").first()
    oldest = _oldest_unsealed(checkpoint)
    oldest_at = oldest.at if oldest else None
    scan = Scan.objects.defer("findings", "checked").order_by("-pk").first()
    registration = current_registration()
    confirmation = _newest_confirmation(registration)
    anchored = confirmation.anchor.checkpoint_id if confirmation else 0
    records, since = records_from(anchored)
    ticks = {tick.step: tick for tick in Tick.objects.order_by("step")}
    stands = standing(registration, head, anchored=anchored, ticks=ticks, now=now)
    stopped = restore.gate()
    return LogStatus(
        size=size,
        waiting=Pending.objects.count(),
        records_waiting=records_waiting(),
        oldest_waiting_at=oldest_at,
        checkpoint=checkpoint,
        registration=registration,
        confirmation=confirmation,
        not_anchored=size - anchored,
        records_not_anchored=records,
        not_anchored_since=since,
        standing=stands,
        ticks=ticks,
        stopped=stopped,
        scan=scan,
        troubles=_troubles(registration, scan, ticks, now),
        notices=_notices(stands, ticks.get("sequence"), stopped, now),
        alarms=_alarms(oldest_at, now),
    )


def _oldest_unsealed(checkpoint: Checkpoint | None) -> Entry | None:
    """The oldest entry that no signed head covers: placed but not signed for, or still waiting for a place."""
    signed = checkpoint.size if checkpoint else 0
    placed = Leaf.objects.select_related("entry").filter(index__gte=signed).order_by("index").first()
    waiting = Pending.objects.select_related("entry").order_by("entry_id").first()
    return min((row.entry for row in (placed, waiting) if row), key=lambda entry: entry.at, default=None)


def _newest_confirmation(registration: Registration | None) -> Confirmation | None:
    return (
        confirmations().filter(anchor__registration=registration)
        .select_related("anchor__checkpoint", "anchor__registration", "attempt").order_by("-anchor__checkpoint").first()
    )  # fmt: skip


def _troubles(
    registration: Registration | None, scan: Scan | None, ticks: Mapping[str, Tick], now: datetime
) -> list[str]:
    """What keeps a step from going on, in the words it left; and steps that have not run when they should have."""
    found = [] if registration else ["The log is not registered on a chain yet: records are sealed but not anchored."]
    for step, tick in ticks.items():
        if step == restore.STEP:
            continue
        name = STEP_NAMES[step]
        if tick.problem and not (registration is None and step == "anchor"):
            found.append(f"{name} is waiting: {tick.problem}")
        elif has_stopped(tick, now):
            found.append(
                f"{name} has not run since {tick.ran_at:%-d %B %Y %H:%M} UTC. Are the worker and beat running?"
            )
    if scan is not None and now - scan.at > timedelta(days=2):
        found.append(
            f"Nothing has been compared with the log since {scan.at:%-d %B %Y %H:%M} UTC."
            " Are the worker and beat running?"
        )
    return found


def _notices(stands: Standing, sealing: Tick | None, stopped: str, now: datetime) -> list[str]:
    """What is not as it should be, without the operator's part in it."""
    found = []
    if sealing is not None and not stopped and (sealing.problem or has_stopped(sealing, now)):
        found.append("Sealing has stopped, and one of us has to look at it. Records are kept and wait for their seal.")
    return [*found, stands.sentence] if stands.is_trouble else found


def _alarms(oldest_at: datetime | None, now: datetime) -> list[str]:
    """Promises broken: a receipt's seal-by that passed while its entry is still unsealed."""
    if oldest_at is None or now <= seal_by(oldest_at):
        return []
    return [
        f"A receipt promised a seal by {seal_by(oldest_at):%-d %B %Y %H:%M} UTC and the record is still not sealed."
        " The record is safe; our promise is broken, and the receipt proves it."
    ]
