"""How the log is doing, for the public page and ``log_status``: figures, lags, and troubles in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from anchoring import restore
from anchoring.models import Checkpoint, Confirmation, Entry, Head, Leaf, Pending, Registration, Scan, Tick
from anchoring.stages import chain_name, confirmations, current_registration, seal_by

STEP_NAMES = {"sequence": "Sealing", "anchor": "Anchoring", "anchor next": "Anchoring on the next chain"}


@dataclass(frozen=True)
class LogStatus:
    """One look at the log. ``stopped`` is why sealing must not go on after a restore, or empty."""

    size: int
    waiting: int
    oldest_waiting_at: datetime | None
    checkpoint: Checkpoint | None
    registration: Registration | None
    confirmation: Confirmation | None
    not_anchored: int
    not_anchored_since: datetime | None
    stopped: str
    scan: Scan | None
    troubles: list[str]
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


def log_status() -> LogStatus:
    """Read it all; a dozen small queries, independent of the log's size but for the count of what waits."""
    now = timezone.now()
    head = Head.objects.filter(pk=1).order_by("pk").first()
    size = head.size if head else 0
    checkpoint = Checkpoint.objects.order_by("-size").first()
    oldest = _oldest_unsealed(checkpoint)
    oldest_at = oldest.at if oldest else None
    scan = Scan.objects.defer("findings", "checked").order_by("-pk").first()
    registration = current_registration()
    confirmation = _newest_confirmation(registration)
    anchored = confirmation.anchor.checkpoint_id if confirmation else 0
    first_open = Leaf.objects.select_related("entry").filter(index__gte=anchored).order_by("index").first()
    return LogStatus(
        size=size,
        waiting=Pending.objects.count(),
        oldest_waiting_at=oldest_at,
        checkpoint=checkpoint,
        registration=registration,
        confirmation=confirmation,
        not_anchored=size - anchored,
        not_anchored_since=first_open.entry.at if first_open else None,
        stopped=restore.gate(),
        scan=scan,
        troubles=_troubles(registration, scan, now),
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


def _troubles(registration: Registration | None, scan: Scan | None, now: datetime) -> list[str]:
    """What keeps a step from going on, in the words it left; and steps that have not run when they should have."""
    found = [] if registration else ["The log is not registered on a chain yet: records are sealed but not anchored."]
    for tick in Tick.objects.exclude(step=restore.STEP).order_by("step"):
        name = STEP_NAMES[tick.step]
        every = settings.SEQUENCE_EVERY_SECONDS if tick.step == "sequence" else settings.CHAIN_TICK_SECONDS
        if tick.problem and not (registration is None and tick.step == "anchor"):
            found.append(f"{name} is waiting: {tick.problem}")
        elif now - tick.ran_at > timedelta(seconds=10 * every + 60):
            found.append(
                f"{name} has not run since {tick.ran_at:%-d %B %Y %H:%M} UTC. Are the worker and beat running?"
            )
    if scan is not None and now - scan.at > timedelta(days=2):
        found.append(
            f"Nothing has been compared with the log since {scan.at:%-d %B %Y %H:%M} UTC."
            " Are the worker and beat running?"
        )
    return found


def _alarms(oldest_at: datetime | None, now: datetime) -> list[str]:
    """Promises broken: a receipt's seal-by that passed while its entry is still unsealed."""
    if oldest_at is None or now <= seal_by(oldest_at):
        return []
    return [
        f"A receipt promised a seal by {seal_by(oldest_at):%-d %B %Y %H:%M} UTC and the record is still not sealed."
        " The record is safe; our promise is broken, and the receipt proves it."
    ]
