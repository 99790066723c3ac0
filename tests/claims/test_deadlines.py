"""Working days from Monday to Friday."""

from datetime import UTC, date, datetime

from claims import deadlines

FRIDAY = date(2026, 11, 20)


def test_the_day_itself_and_week_ends_do_not_count() -> None:
    assert deadlines.after_working_days(FRIDAY, 0) == FRIDAY
    assert deadlines.after_working_days(FRIDAY, 1) == date(2026, 11, 23)
    assert deadlines.after_working_days(date(2026, 11, 21), 1) == date(2026, 11, 23)
    assert deadlines.after_working_days(FRIDAY, 5) == date(2026, 11, 27)


def test_a_decision_is_owed_within_15_and_a_payment_within_5_working_days() -> None:
    reported = datetime(2026, 11, 23, 16, 34, tzinfo=UTC)
    assert deadlines.decide_by(reported) == date(2026, 12, 14)
    assert deadlines.pay_by(reported) == date(2026, 11, 30)
