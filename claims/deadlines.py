"""By when we owe a decision and a payment: working days, Monday to Friday.

Public holidays are not left out, which only makes our own promise stricter.
"""

from datetime import date, datetime, timedelta
from typing import Final

DECIDE_WITHIN: Final = 15
"""Working days from having everything; travel terms, clause 6.4. Counted from the report, the strictest reading."""

PAY_WITHIN: Final = 5
"""Working days from the decision; travel terms, clause 6.6."""


def decide_by(reported_at: datetime) -> date:
    """The last day for a decision on a claim reported then."""
    return after_working_days(reported_at.date(), DECIDE_WITHIN)


def pay_by(decided_at: datetime) -> date:
    """The last day for the payment that a decision made then promises."""
    return after_working_days(decided_at.date(), PAY_WITHIN)


def after_working_days(day: date, count: int) -> date:
    """The day ``count`` working days after ``day``, which itself does not count."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day
