from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.catalogue import product
from claims.money import Money
from claims.rating import AnswersInvalid, Operation, Price, Refer, Referral, TravelAnswers, age_on, rate, read_answers

TRAVEL = product("travel-1")
TODAY = date(2026, 11, 23)
LEAVES = date(2026, 12, 1)
REGIONS = [region.code for region in TRAVEL.tariff.regions]
ALICE = {
    "region": "europe",
    "departs_on": "2026-12-01",
    "returns_on": "2026-12-14",
    "birth_date": "1981-06-01",
    "trip_cost": "1,800",
    "winter_sports": "no",
}


def trip(*, days=14, region="europe", age=45, cost=180000, winter_sports=False):
    """A trip from 1 December 2026 by somebody whose birthday is that day."""
    return TravelAnswers(
        region=region,
        departs_on=LEAVES,
        returns_on=LEAVES + timedelta(days=days - 1),
        birth_date=date(LEAVES.year - age, 12, 1),
        trip_cost=Money(cost, "EUR"),
        winter_sports=winter_sports,
    )


def price(**facts):
    outcome = rate(TRAVEL, trip(**facts))
    assert isinstance(outcome, Price)
    return outcome


def net(**facts):
    return price(**facts).net.minor


def referrals(**facts):
    outcome = rate(TRAVEL, trip(**facts))
    return [reason.code for reason in outcome.reasons] if isinstance(outcome, Refer) else []


def refusals(**answers):
    with pytest.raises(AnswersInvalid) as caught:
        read_answers(TRAVEL, ALICE | answers, today=TODAY)
    return caught.value.sentences


def test_alice_45_pays_54_49_for_two_weeks_in_europe_that_cost_1800():
    answers = read_answers(TRAVEL, ALICE, today=TODAY)
    outcome = rate(TRAVEL, answers)
    assert (outcome.net, outcome.tax, outcome.total) == (Money(4541, "EUR"), Money(908, "EUR"), Money(5449, "EUR"))
    assert outcome.tax_label == "Insurance premium tax, 20 %"
    assert [(line.label, line.operation, line.value, line.running) for line in outcome.lines] == [
        ("Basic price", Operation.PLUS, Decimal("6"), Decimal("6")),
        ("14 days at €1.10", Operation.PLUS, Decimal("15.40"), Decimal("21.40")),
        ("Europe", Operation.TIMES, Decimal("1"), Decimal("21.40")),
        ("Aged 45 on departure", Operation.TIMES, Decimal("1.25"), Decimal("26.75")),
        ("Trip of 8 to 14 days", Operation.TIMES, Decimal("0.95"), Decimal("25.4125")),
        ("2.5 % of the trip's cost above €1,000.00", Operation.PLUS, Decimal("20"), Decimal("45.4125")),
    ]


def test_the_breakdown_that_is_kept_is_texts_only():
    assert price(days=1, cost=0, region="world_without_us").breakdown() == [
        {"code": "base", "label": "Basic price", "operation": "plus", "value": "6.00", "running": "6.00"},
        {"code": "days", "label": "1 day at €1.10", "operation": "plus", "value": "1.10", "running": "7.10"},
        {"code": "region", "label": "The whole world without the USA", "operation": "times", "value": "1.6",
         "running": "11.360"},
        {"code": "age", "label": "Aged 45 on departure", "operation": "times", "value": "1.25", "running": "14.20000"},
        {"code": "length", "label": "Trip of 1 to 7 days", "operation": "times", "value": "1", "running": "14.20000"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "minor"),
    [
        ({"region": "domestic", "cost": 0}, 1525),  # 21.40 x 0.6 x 1.25 x 0.95 = 15.2475
        ({"region": "world_without_us", "cost": 0}, 4066),
        ({"region": "world", "cost": 0}, 6099),
        ({"age": 17, "cost": 0}, 1017),  # 21.40 x 0.5 x 0.95 = 10.165
        ({"age": 18, "cost": 0}, 2033),
        ({"age": 39, "cost": 0}, 2033),
        ({"age": 40, "cost": 0}, 2541),
        ({"age": 64, "cost": 0}, 2541),
        ({"age": 65, "cost": 0}, 4473),
        ({"age": 74, "cost": 0}, 4473),
        ({"age": 75, "cost": 0}, 7116),
        ({"age": 79, "cost": 0}, 7116),
        ({"age": 0, "cost": 0}, 1017),
        ({"age": 30, "days": 1, "cost": 0}, 710),
        ({"age": 30, "days": 7, "cost": 0}, 1370),
        ({"age": 30, "days": 8, "cost": 0}, 1406),
        ({"age": 30, "days": 14, "cost": 0}, 2033),
        ({"age": 30, "days": 31, "cost": 0}, 3609),
        ({"age": 30, "days": 90, "cost": 0}, 8925),
        ({"age": 30, "cost": 100000}, 2033),
        ({"age": 30, "cost": 100001}, 2033),
        ({"age": 30, "cost": 100100}, 2036),  # 20.33 + 0.025 = 20.355
        ({"age": 30, "cost": 500000}, 12033),
        ({"age": 30, "cost": 0, "winter_sports": True}, 3050),  # 20.33 x 1.5 = 30.495
        ({"winter_sports": True}, 6812),  # 45.4125 x 1.5 = 68.11875
    ],
)
def test_the_tariffs_tables_at_their_edges(facts, minor):
    assert net(**facts) == minor


@pytest.mark.parametrize(("shorter", "longer"), [(14, 15), (31, 32)])
def test_where_the_lower_factor_begins_a_longer_trip_costs_the_same_and_says_why(shorter, longer):
    before, after = price(days=shorter, cost=0), price(days=longer, cost=0)
    assert after.net == before.net
    assert [line.label for line in after.lines][-1] == "Never less than a shorter trip"
    assert "shorter" not in [line.code for line in price(days=longer + 5, cost=0).lines]


def test_the_tax_is_a_fifth_of_the_rounded_net_price():
    offered = price(age=30, cost=0)
    assert (offered.net.minor, offered.tax.minor, offered.total.minor) == (2033, 407, 2440)  # 4.066


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        ({"age": 79}, []),
        ({"age": 80}, ["age"]),
        ({"days": 90}, []),
        ({"days": 91}, ["days"]),
        ({"cost": 500000}, []),
        ({"cost": 500001}, ["trip_cost"]),
        ({"age": 80, "days": 91, "cost": 500001}, ["age", "days", "trip_cost"]),
    ],
)
def test_what_the_tariff_has_no_price_for_is_referred_with_every_reason(facts, codes):
    assert referrals(**facts) == codes


def test_a_referral_tells_the_traveller_why():
    assert rate(TRAVEL, trip(age=80)) == Refer(
        (
            Referral(
                "age", "We cannot give a price here for a traveller who is 80 or older on departure. Please contact us."
            ),
        )
    )


def test_the_age_that_counts_is_that_on_the_day_of_departure():
    assert [age_on(date(2026, 12, day), birth_date=date(1946, 12, 1)) for day in (1, 2)] == [80, 80]
    assert age_on(date(2026, 11, 30), birth_date=date(1946, 12, 1)) == 79
    leap = date(2000, 2, 29)
    assert [age_on(day, birth_date=leap) for day in (date(2026, 2, 28), date(2026, 3, 1), date(2028, 2, 29))] == [
        25,
        26,
        28,
    ]


ages, lengths, costs = st.integers(0, 79), st.integers(1, 90), st.integers(0, 500000)


@given(st.sampled_from(REGIONS), ages, st.tuples(lengths, lengths), st.tuples(costs, costs), st.booleans())
def test_a_longer_or_dearer_trip_is_never_cheaper(region, age, days, cost, winter_sports):
    facts = {"region": region, "age": age, "winter_sports": winter_sports}
    assert net(days=min(days), cost=min(cost), **facts) <= net(days=max(days), cost=max(cost), **facts)


@given(st.sampled_from(REGIONS), ages, lengths, costs)
def test_winter_sports_and_a_wider_region_are_never_cheaper(region, age, days, cost):
    facts = {"age": age, "days": days, "cost": cost}
    assert net(region=region, **facts) < net(region=region, winter_sports=True, **facts)
    by_region = [net(region=code, **facts) for code in REGIONS]
    assert by_region == sorted(by_region)


@given(st.sampled_from(REGIONS), ages, lengths, costs, st.booleans())
def test_every_price_adds_up_and_its_lines_can_be_followed(region, age, days, cost, winter_sports):
    offered = price(region=region, age=age, days=days, cost=cost, winter_sports=winter_sports)
    running = Decimal(0)
    for line in offered.lines:
        running = {"plus": running + line.value, "times": running * line.value, "at least": max(running, line.value)}[
            line.operation
        ]
        assert line.running == running
    assert offered.net == Money.rounded(running, "EUR")
    assert (offered.total, offered.net.minor > 0, offered.tax.minor > 0) == (offered.net + offered.tax, True, True)


@given(st.sampled_from(REGIONS), ages, lengths, costs, st.booleans())
def test_answers_that_were_kept_read_back_as_themselves(region, age, days, cost, winter_sports):
    answers = trip(region=region, age=age, days=days, cost=cost, winter_sports=winter_sports)
    assert read_answers(TRAVEL, answers.as_texts(), today=LEAVES) == answers


def test_answers_may_come_as_values_from_a_form():
    typed = {"departs_on": date(2026, 12, 1), "returns_on": date(2026, 12, 14), "birth_date": date(1981, 6, 1)}
    typed |= {"trip_cost": Money(180000, "EUR"), "winter_sports": False}
    assert read_answers(TRAVEL, ALICE | typed, today=TODAY) == read_answers(TRAVEL, ALICE, today=TODAY)


DAY = "as year, month and day, for example 2026-12-01."


@pytest.mark.parametrize(
    ("key", "answer", "sentence"),
    [
        ("region", "", "Choose where you are going."),
        ("region", "mars", "Choose where you are going."),
        ("region", None, "Choose where you are going."),
        ("departs_on", "", f"Enter your day of departure {DAY}"),
        ("departs_on", "1.12.2026", f"Enter your day of departure {DAY}"),
        ("departs_on", "20261201", f"Enter your day of departure {DAY}"),
        ("departs_on", "2026-12-32", f"Enter your day of departure {DAY}"),
        ("departs_on", 20261201, f"Enter your day of departure {DAY}"),
        ("departs_on", "2027-11-24", "You can buy cover at most 365 days before you leave."),
        ("returns_on", "soon", f"Enter your day of return {DAY}"),
        ("returns_on", "2026-11-30", "The day of return cannot lie before the day of departure."),
        ("birth_date", "", f"Enter your date of birth {DAY}"),
        ("birth_date", "2026-11-24", "The date of birth cannot lie in the future."),
        ("birth_date", "1899-12-31", "Check the year of birth."),
        ("birth_date", "1905-11-23", "Check the year of birth."),
        ("trip_cost", "", "Enter an amount, for example 1234.50."),
        ("trip_cost", "-1", "Enter the amount without a minus sign."),
        ("trip_cost", "$100", "The amount must be in EUR, not in “$”. Convert it and enter only the figures."),
        ("trip_cost", 1800, "Enter an amount, for example 1234.50."),
        ("winter_sports", "", "Choose yes or no."),
        ("winter_sports", "perhaps", "Choose yes or no."),
        ("winter_sports", 1, "Choose yes or no."),
    ],
)
def test_an_answer_that_will_not_do_is_refused_with_help(key, answer, sentence):
    returns_on = {"returns_on": "2027-11-25"} if answer == "2027-11-24" else {}
    assert refusals(**{key: answer}, **returns_on) == {key: sentence}


def test_money_of_another_currency_is_refused_by_name():
    sentence = "The amount must be in EUR, not in “US$”. Convert it and enter only the figures."
    assert refusals(trip_cost=Money(100, "USD")) == {"trip_cost": sentence}


def test_every_wrong_answer_gets_its_own_sentence_at_once():
    with pytest.raises(AnswersInvalid) as caught:
        read_answers(TRAVEL, {}, today=TODAY)
    assert list(caught.value.sentences) == [question.key for question in TRAVEL.questions]


def test_the_last_day_on_which_cover_can_be_bought_is_the_last_day_of_the_trip():
    answers = {"departs_on": "2026-11-10", "returns_on": "2026-11-23"}
    assert read_answers(TRAVEL, ALICE | answers, today=TODAY).days == 14
    over = "This trip is over. Cover can only be bought for a trip that has not ended."
    assert refusals(departs_on="2026-11-10", returns_on="2026-11-22") == {"returns_on": over}


def test_the_first_day_on_which_cover_can_be_bought_is_a_year_before_departure():
    answers = {"departs_on": "2027-11-23", "returns_on": "2027-11-24"}
    assert read_answers(TRAVEL, ALICE | answers, today=TODAY).days == 2


def test_nobody_is_born_on_the_way():
    born = {"departs_on": "2026-11-10", "birth_date": "2026-11-11"}
    assert refusals(**born) == {"birth_date": "The date of birth cannot lie after the day of departure."}
    assert read_answers(TRAVEL, ALICE | born | {"birth_date": "2026-11-10"}, today=TODAY).age == 0


def test_a_product_that_is_not_sold_here_has_no_price():
    with pytest.raises(AssertionError):
        rate(product("airport-baggage-us-1"), trip())
