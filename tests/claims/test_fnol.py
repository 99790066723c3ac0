"""What keeps a report from being a claim."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from claims import fnol
from claims.fnol import MAX_ITEMS, MAX_MINOR, CannotFile, Fnol, Item, day_instant, items_problem, require_fileable
from claims.models import Policy
from tests import people

STARTS = datetime(2026, 11, 10, 15, tzinfo=UTC)
ENDS = datetime(2026, 11, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
COVER = Policy(product_code="travel-1", starts_at=STARTS, ends_at=ENDS, currency="EUR")
TIME_PROBLEMS = {
    "the future": (NOW + timedelta(seconds=1), "The loss must lie in the past. Check the date and time."),
    "before the day of cover": (
        STARTS - timedelta(hours=16),
        "The loss was before this cover began on 10 November 2026. Choose the policy that covered you then.",
    ),
    "before cover on its day": (
        STARTS - timedelta(microseconds=1),
        "The loss was before this cover began on 10 November 2026, 15:00 UTC. Choose the policy that covered you then.",
    ),
}


def report(**changes) -> Fnol:
    told = {
        "cause_code": "baggage_stolen", "loss_at": NOW, "loss_precision": "exact", "place": "Lisbon",
        "description": "Taken.", "items": [Item("Bag", 8_050)],
    }  # fmt: skip
    return Fnol(**(told | changes))


def problems(fnol: Fnol, *, now: datetime = NOW) -> dict[str, str]:
    with pytest.raises(CannotFile) as refused:
        require_fileable(COVER, fnol, now=now)
    return refused.value.problems


def test_a_loss_under_cover_can_be_filed_also_long_after_the_cover_ended() -> None:
    require_fileable(COVER, report(), now=NOW)
    require_fileable(COVER, report(), now=NOW + timedelta(days=365))
    require_fileable(COVER, report(loss_at=STARTS), now=NOW)
    require_fileable(COVER, report(loss_at=ENDS - timedelta(microseconds=1)), now=ENDS)


@pytest.mark.parametrize(("loss_at", "sentence"), TIME_PROBLEMS.values(), ids=TIME_PROBLEMS)
def test_a_loss_in_the_future_or_before_cover_is_refused(loss_at, sentence) -> None:
    assert problems(report(loss_at=loss_at)) == {"loss_at": sentence}


def test_a_loss_after_expiry_is_refused_and_the_end_itself_is_after() -> None:
    sentence = "The loss was after this cover ended on 24 November 2026. Choose the policy that covered you then."
    assert problems(report(loss_at=ENDS), now=ENDS + timedelta(days=1)) == {"loss_at": sentence}


def test_a_cause_that_the_product_does_not_know_is_refused() -> None:
    assert problems(report(cause_code="airport_theft")) == {"cause_code": "Choose what happened from the list."}


@pytest.mark.parametrize("items", [[], [Item("Thing", 1)] * (MAX_ITEMS + 1)])
def test_a_claim_lists_at_least_one_thing_and_not_too_many(items) -> None:
    assert problems(report(items=items)) == {"items": f"List at least one thing and at most {MAX_ITEMS}."}


@pytest.mark.parametrize("amounts", [[0], [-1], [100, -1], [MAX_MINOR + 1], [MAX_MINOR, 1]])
def test_amounts_of_zero_below_and_of_absurd_size_are_refused(amounts) -> None:
    items = [Item("Thing", amount) for amount in amounts]
    assert items_problem(items) == "Each amount must be above zero, and the total below ten million."


def test_every_problem_is_named_at_once() -> None:
    assert set(problems(report(loss_at=NOW + timedelta(days=1), cause_code="", items=[]))) == {
        "loss_at", "cause_code", "items",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("day", "now", "instant"),
    [
        (date(2026, 11, 15), NOW, datetime(2026, 11, 15, 12, tzinfo=UTC)),
        (date(2026, 11, 10), NOW, STARTS),  # noon would lie before the cover
        (date(2026, 11, 20), NOW, NOW),  # noon is still to come
        (date(2026, 11, 20), NOW.replace(hour=18), datetime(2026, 11, 20, 12, tzinfo=UTC)),
        (date(2026, 11, 10), STARTS + timedelta(minutes=5), STARTS),
        (date(2026, 11, 21), NOW, datetime(2026, 11, 21, 12, tzinfo=UTC)),  # tomorrow stays in the future
        (date(2026, 11, 9), NOW, datetime(2026, 11, 9, 12, tzinfo=UTC)),
    ],
)
def test_a_day_stands_for_noon_but_not_before_cover_nor_in_the_future(day, now, instant) -> None:
    assert day_instant(COVER, day, now=now) == instant


@pytest.mark.django_db
def test_cancelling_before_departure_is_covered_from_the_purchase_and_a_theft_is_not(
    alice, carol, time_machine
) -> None:
    people.verify(alice, officer=carol)
    cover = people.buy(alice, people.quote_for(alice, departs_in=5))
    time_machine.move_to(timezone.now() + timedelta(hours=1))
    now = timezone.now()
    assert cover.starts_at > now
    assert fnol.loss_time_problem(cover, now, now=now, cause="cancelled_for_health") == ""
    assert "before this cover began" in fnol.loss_time_problem(cover, now, now=now, cause="baggage_stolen")
