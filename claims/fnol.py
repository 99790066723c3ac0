"""First notice of loss: what a person reports, and what keeps it from being a claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from claims.models import Policy

MAX_MINOR = 1_000_000_000
MAX_ITEMS = 50
_OTHER = "Choose the policy that covered you then."


@dataclass(frozen=True)
class Item:
    """One thing lost or damaged; the amount in minor units of the policy's currency."""

    item: str
    claimed_minor: int


@dataclass(frozen=True)
class Fnol:
    """A loss as reported. ``account_name`` and ``account_number`` are where a payment should go; they may be empty."""

    cause_code: str
    loss_at: datetime
    loss_precision: str
    place: str
    description: str
    items: Sequence[Item]
    account_name: str = ""
    account_number: str = ""

    @property
    def claimed_minor(self) -> int:
        """The sum of the items."""
        return sum(item.claimed_minor for item in self.items)


class CannotFile(ValueError):  # noqa: N818 - the sentences are for the person who reports
    """A report that cannot become a claim: field → sentence."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


def loss_time_problem(policy: Policy, loss_at: datetime, *, now: datetime, cause: str | None = None) -> str:
    """Why a loss at that time cannot be claimed under the policy, or "". Without a cause, the widest cover counts."""
    if loss_at > now:
        return "The loss must lie in the past. Check the date and time."
    if loss_at < policy.starts_at and loss_at < (begins := policy.covers_from(cause)):
        return f"The loss was before this cover began on {_beginning(begins, loss_at)}. {_OTHER}"
    if loss_at >= policy.ends_at:
        return f"The loss was after this cover ended on {policy.ends_at:%-d %B %Y}. {_OTHER}"
    return ""


def _beginning(begins: datetime, loss_at: datetime) -> str:
    """The day; on that day also the time, to the second where it needs one."""
    begins = begins.astimezone(UTC)
    if loss_at.astimezone(UTC).date() != begins.date():
        return f"{begins:%-d %B %Y}"
    return f"{begins:%-d %B %Y, %H:%M:%S} UTC" if begins.second else f"{begins:%-d %B %Y, %H:%M} UTC"


def day_instant(policy: Policy, day: date, *, now: datetime) -> datetime:
    """The instant that stands for a day when nobody knows the time: noon, but covered and past if the day allows it."""
    instant = datetime.combine(day, time(12), tzinfo=UTC)
    if day == policy.starts_at.astimezone(UTC).date():
        instant = max(instant, policy.starts_at)
    return min(instant, now) if day == now.astimezone(UTC).date() else instant


def items_problem(items: Sequence[Item]) -> str:
    """Why these things cannot be claimed, or ""."""
    if not items or len(items) > MAX_ITEMS:
        return f"List at least one thing and at most {MAX_ITEMS}."
    if any(item.claimed_minor <= 0 for item in items) or sum(item.claimed_minor for item in items) > MAX_MINOR:
        return "Each amount must be above zero, and the total below ten million."
    return ""


def require_fileable(policy: Policy, fnol: Fnol, *, now: datetime) -> None:
    """Raise CannotFile unless the report can be a claim under the policy."""
    problems = {}
    if sentence := loss_time_problem(policy, fnol.loss_at, now=now, cause=fnol.cause_code):
        problems["loss_at"] = sentence
    if fnol.cause_code not in policy.product.causes:
        problems["cause_code"] = "Choose what happened from the list."
    if sentence := items_problem(fnol.items):
        problems["items"] = sentence
    if problems:
        raise CannotFile(problems)
