"""First notice of loss: what a person reports, and what keeps it from being a claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from claims.models import Policy

MAX_MINOR = 1_000_000_000
MAX_ITEMS = 50


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


def loss_time_problem(policy: Policy, loss_at: datetime, *, now: datetime) -> str:
    """Why a loss at that time cannot be claimed under the policy, or ""."""
    if loss_at > now:
        return "The loss must lie in the past. Check the date and time."
    if loss_at < policy.starts_at:
        return f"The loss was before this cover began on {policy.starts_at:%-d %B %Y}. Choose the policy that covered you then."
    if loss_at >= policy.ends_at:
        return f"The loss was after this cover ended on {policy.ends_at:%-d %B %Y}. Choose the policy that covered you then."
    return ""


def require_fileable(policy: Policy, fnol: Fnol, *, now: datetime) -> None:
    """Raise CannotFile unless the report can be a claim under the policy."""
    problems = {}
    if sentence := loss_time_problem(policy, fnol.loss_at, now=now):
        problems["loss_at"] = sentence
    if fnol.cause_code not in policy.product.causes:
        problems["cause_code"] = "Choose what happened from the list."
    if not fnol.items or len(fnol.items) > MAX_ITEMS:
        problems["items"] = f"List at least one thing and at most {MAX_ITEMS}."
    elif any(item.claimed_minor <= 0 for item in fnol.items) or fnol.claimed_minor > MAX_MINOR:
        problems["items"] = "Each amount must be above zero, and the total below ten million."
    if problems:
        raise CannotFile(problems)
