from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.catalogue import causes, product
from claims.coverage import AmountStep, ClaimedItem, ClaimFacts, Outcome, PolicyFacts, RuleResult, check, cover_begins
from claims.money import Money, MoneyError

TRAVEL, AIRPORT = product("travel-1"), product("airport-baggage-us-1")
HOUR, DAY, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
BOUGHT = datetime(2026, 11, 20, 9, tzinfo=UTC)
STARTS, ENDS = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 15, tzinfo=UTC)
ALICES = PolicyFacts(starts_at=STARTS, ends_at=ENDS, issued_at=BOUGHT, trip_cost=Money(180000, "EUR"))


def eur(amount):
    return Money(round(amount * 100), "EUR")


def item(amount, *, name="Suitcase", valuable=False):
    return ClaimedItem(name, eur(amount), valuable)


def claim(*items, cause="baggage_stolen", at=datetime(2026, 12, 5, 14, tzinfo=UTC), until=None, reported=None, **facts):
    until = until or at
    return ClaimFacts(
        cause=cause, loss_at=at, loss_until=until, reported_at=reported or until, items=items or (item(200),), **facts
    )


def checked(facts, *, policy=ALICES):
    return check(TRAVEL, policy=policy, claim=facts)


def ruled(rule, facts, *, policy=ALICES):
    """The one rule's outcome, clause and reason."""
    (result,) = [result for result in checked(facts, policy=policy).trace if result.rule == rule]
    return result.outcome, result.clause, result.reason


def lines(result):
    return [(step.label, step.after.minor, step.clause, step.reason) for step in result.steps]


def test_alices_stolen_suitcase_passes_every_rule_and_is_explained_line_by_line():
    result = checked(claim(item(200)))
    assert result.trace == (
        RuleResult("start", Outcome.PASS, "2.1", "The loss did not happen before the first day of cover."),
        RuleResult("end", Outcome.PASS, "2.1", "The loss happened before the cover ended."),
        RuleResult("purchase", Outcome.PASS, "2.3", "The loss did not happen before the purchase."),
        RuleResult("waiting", Outcome.PASS, "2.4", "The cover was not bought during the trip: no waiting."),
        RuleResult("cause", Outcome.PASS, "3.3", "The cause belongs to “Baggage”."),
        RuleResult("notice", Outcome.PASS, "6.1", "Reported within 30 days."),
    )
    assert result.steps == (
        AmountStep("Claimed", eur(200), eur(200), "3.3"),
        AmountStep("The holder bears €75.00 of each loss", eur(200), eur(125), "4.6", "DEDUCTIBLE"),
        AmountStep("At most €2,000.00 for one loss", eur(125), eur(125), "4.8"),
        AmountStep("At most €2,000.00 in the whole term, of which €0.00 is used", eur(125), eur(125), "4.8"),
    )
    assert (result.outcome, result.payable, result.reasons) == (Outcome.PASS, eur(125), (("DEDUCTIBLE", "4.6"),))


def test_the_exclusions_that_may_apply_are_listed_for_the_adjuster_and_not_judged():
    assert [exclusion.clause for exclusion in checked(claim()).exclusions] == [
        "5.1", "5.2", "5.3", "5.4", "5.5", "5.7", "5.8", "5.11", "5.12"
    ]  # fmt: skip


def test_limits_for_an_item_and_for_valuables_come_before_the_deductible():
    things = (item(500, name="Coat"), item(350, name="Camera", valuable=True), item(280, name="Watch", valuable=True))
    assert lines(checked(claim(*things))) == [
        ("Claimed", 113000, "3.3", ""),
        ("Coat: at most €300.00 for one item", 93000, "4.3", "ITEM_LIMIT"),
        ("Camera: at most €300.00 for one item", 88000, "4.3", "ITEM_LIMIT"),
        ("All valuables together: at most €400.00", 70000, "4.3", "VALUABLES_LIMIT"),
        ("The holder bears €75.00 of each loss", 62500, "4.6", "DEDUCTIBLE"),
        ("At most €2,000.00 for one loss", 62500, "4.8", ""),
        ("At most €2,000.00 in the whole term, of which €0.00 is used", 62500, "4.8", ""),
    ]


def test_the_deductible_is_taken_once_for_the_loss_however_many_things_were_in_it():
    assert checked(claim(item(100), item(100), item(100))).payable == eur(225)


@pytest.mark.parametrize(
    ("claimed", "payable", "reasons"),
    [
        (75.01, 0.01, (("DEDUCTIBLE", "4.6"),)),
        (75, 0, (("BELOW_DEDUCTIBLE", "4.6"),)),
        (10, 0, (("BELOW_DEDUCTIBLE", "4.6"),)),
        (0, 0, ()),
        (300, 225, (("DEDUCTIBLE", "4.6"),)),
        (300.01, 225, (("ITEM_LIMIT", "4.3"), ("DEDUCTIBLE", "4.6"))),
    ],
)
def test_one_thing_at_the_edges_of_the_deductible_and_its_limit(claimed, payable, reasons):
    result = checked(claim(item(claimed)))
    assert (result.payable, result.reasons, result.outcome) == (eur(payable), reasons, Outcome.PASS)


@pytest.mark.parametrize(("things", "payable"), [(6, 1725), (7, 2000), (8, 2000)])
def test_one_loss_of_baggage_is_paid_up_to_2000_after_the_deductible(things, payable):
    assert checked(claim(*[item(300)] * things)).payable == eur(payable)


@pytest.mark.parametrize(
    ("used", "payable", "label"),
    [(1800, 200, "€1,800.00"), (1999.99, 0.01, "€1,999.99"), (2000, 0, "€2,000.00"), (2500, 0, "€2,500.00")],
)
def test_earlier_payments_for_baggage_use_up_the_term(used, payable, label):
    policy = replace(ALICES, accepted_before={"baggage_lost": eur(used), "illness_abroad": eur(9999)})
    result = checked(claim(item(290)), policy=policy)
    assert result.payable == eur(payable)
    assert lines(result)[-1] == (
        f"At most €2,000.00 in the whole term, of which {label} is used", eur(payable).minor, "4.8", "LIMIT_AGGREGATE",
    )  # fmt: skip


def test_until_somebody_has_looked_which_things_are_valuables_the_check_asks_and_takes_none_off():
    unknown = ClaimedItem("Camera", eur(300)), ClaimedItem("Watch", eur(300))
    result = checked(claim(*unknown))
    assert (result.outcome, result.payable) == (Outcome.REFER, eur(525))
    assert result.trace[-1].sentence == "Say which items are valuables: at most €400.00 is paid for them together."


@pytest.mark.parametrize(("hours", "payable"), [(11, 0), (12, 50), (23, 50), (24, 100), (72, 300), (84, 300), (0, 0)])
def test_a_late_departure_is_paid_by_full_twelve_hours(hours, payable):
    result = checked(claim(item(1000), cause="departure_delayed", delay_hours=hours))
    assert (result.payable, result.outcome) == (eur(payable), Outcome.PASS)


def test_a_fixed_benefit_pays_no_more_than_was_claimed_and_names_its_scale():
    result = checked(claim(item(60), cause="departure_delayed", delay_hours=30))
    assert lines(result)[:2] == [("Claimed", 6000, "3.4", ""), ("30 hours late: 2 × €50.00", 6000, "4.4", "")]
    assert checked(claim(item(160), cause="departure_delayed", delay_hours=30)).reasons == (("FIXED_BENEFIT", "4.4"),)


def test_a_delay_without_its_hours_is_referred():
    result = checked(claim(item(160), cause="departure_delayed"))
    assert (result.outcome, result.payable) == (Outcome.REFER, eur(160))
    assert result.trace[-1].sentence == (
        "Find out how many hours the departure was late: €50.00 is paid for every full 12 hours."
    )


@pytest.mark.parametrize(
    ("trip_cost", "claimed", "payable"),
    [(1800, 1800, 1725), (1800, 1875, 1800), (1800, 2500, 1800), (5000, 6000, 5000), (5000, 5074, 4999)],
)
def test_cancelling_pays_no_more_than_the_trip_cost(trip_cost, claimed, payable):
    policy = replace(ALICES, trip_cost=eur(trip_cost))
    assert checked(claim(item(claimed), cause="cancelled_for_health"), policy=policy).payable == eur(payable)


def test_the_trips_cost_is_named_where_it_is_the_limit():
    result = checked(claim(item(2500), cause="cancelled_for_health"))
    assert lines(result)[2] == ("At most €1,800.00, which is what the trip cost", 180000, "4.8", "LIMIT_OCCURRENCE")


def test_cancelling_a_trip_whose_cost_nobody_knows_is_referred():
    result = checked(claim(item(6000), cause="cancelled_for_home"), policy=replace(ALICES, trip_cost=None))
    assert (result.outcome, result.payable) == (Outcome.REFER, eur(5000))
    assert result.trace[-1].sentence == "Find out what the trip cost: no more than that is paid."


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (STARTS - MOMENT, (Outcome.FAIL, "2.1", "NOT_IN_FORCE")),
        (STARTS, (Outcome.PASS, "2.1", "")),
    ],
)
def test_cover_begins_with_the_first_moment_of_the_first_day(at, outcome):
    assert ruled("start", claim(at=at)) == outcome


@pytest.mark.parametrize(
    ("at", "outcome"),
    [(ENDS - MOMENT, (Outcome.PASS, "2.1", "")), (ENDS, (Outcome.FAIL, "2.1", "NOT_IN_FORCE"))],
)
def test_cover_ends_with_the_last_moment_of_the_last_day(at, outcome):
    assert ruled("end", claim(at=at)) == outcome


def test_a_loss_reported_after_the_end_is_judged_at_its_own_date():
    assert checked(claim(at=ENDS - HOUR, reported=ENDS + 20 * DAY)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("at", "outcome"),
    [(BOUGHT - MOMENT, (Outcome.FAIL, "2.3", "BEFORE_PURCHASE")), (BOUGHT, (Outcome.PASS, "2.3", ""))],
)
def test_what_happened_before_the_purchase_is_not_covered(at, outcome):
    assert ruled("purchase", claim(cause="cancelled_for_health", at=at)) == outcome


def test_a_trip_may_be_cancelled_before_it_starts_but_a_bag_is_not_stolen_on_it_yet():
    before = BOUGHT + DAY
    assert checked(claim(item(500), cause="cancelled_for_health", at=before)).outcome is Outcome.PASS
    assert checked(claim(item(500), cause="baggage_stolen", at=before)).outcome is Outcome.FAIL


def test_when_only_the_day_is_known_a_day_inside_passes_and_a_day_across_the_edge_is_referred():
    last = {"at": ENDS - DAY, "until": ENDS - MOMENT}
    across = {"at": ENDS - HOUR, "until": ENDS + HOUR}
    assert ruled("end", claim(**last)) == (Outcome.PASS, "2.1", "")
    assert ruled("end", claim(**across)) == (Outcome.REFER, "2.1", "NOT_IN_FORCE")
    assert ruled("start", claim(at=STARTS - HOUR, until=STARTS)) == (Outcome.REFER, "2.1", "NOT_IN_FORCE")
    bought_that_day = {"at": BOUGHT - HOUR, "until": BOUGHT + HOUR, "cause": "cancelled_for_health"}
    assert ruled("purchase", claim(**bought_that_day)) == (Outcome.REFER, "2.3", "BEFORE_PURCHASE")


def test_who_buys_on_the_day_of_departure_does_not_wait_and_who_buys_the_day_after_does():
    same_day = replace(ALICES, issued_at=STARTS + DAY - MOMENT)
    day_after = replace(ALICES, issued_at=STARTS + DAY)
    loss = claim(at=STARTS + DAY + HOUR)
    assert ruled("waiting", loss, policy=same_day) == (Outcome.PASS, "2.4", "")
    assert ruled("waiting", loss, policy=day_after) == (Outcome.FAIL, "2.4", "WAITING_PERIOD")


@pytest.mark.parametrize(
    ("hours", "outcome"),
    [
        (72 * HOUR - MOMENT, (Outcome.FAIL, "2.4", "WAITING_PERIOD")),
        (72 * HOUR, (Outcome.PASS, "2.4", "")),
    ],
)
def test_the_waiting_period_is_72_hours_from_the_purchase(hours, outcome):
    late = replace(ALICES, issued_at=STARTS + 2 * DAY)
    assert ruled("waiting", claim(at=late.issued_at + hours), policy=late) == outcome


def test_a_loss_that_may_lie_in_the_waiting_period_is_referred():
    late = replace(ALICES, issued_at=STARTS + 2 * DAY)
    loss = claim(at=late.issued_at + 71 * HOUR, until=late.issued_at + 73 * HOUR)
    assert ruled("waiting", loss, policy=late) == (Outcome.REFER, "2.4", "WAITING_PERIOD")


def test_a_cause_that_no_coverage_names_is_not_paid_and_the_clause_says_so():
    result = checked(claim(item(200), cause="other"))
    assert ruled("cause", claim(cause="other")) == (Outcome.FAIL, "3.6", "NOT_INSURED_PERIL")
    assert (result.coverage, result.exclusions, lines(result)) == (None, (), [("Claimed", 20000, "", "")])
    assert (result.payable, result.reasons) == (eur(0), (("NOT_INSURED_PERIL", "3.6"),))


def test_a_failed_rule_pays_nothing_but_still_shows_what_the_terms_would_pay():
    result = checked(claim(item(200), at=ENDS))
    assert (result.outcome, result.payable, result.steps[-1].after) == (Outcome.FAIL, eur(0), eur(125))
    assert result.reasons == (("NOT_IN_FORCE", "2.1"), ("DEDUCTIBLE", "4.6"))


@pytest.mark.parametrize(
    ("after", "outcome"),
    [(30 * DAY, (Outcome.PASS, "6.1", "")), (30 * DAY + MOMENT, (Outcome.REFER, "6.1", "LATE_NOTICE"))],
)
def test_a_late_report_is_looked_at_and_never_fails_by_itself(after, outcome):
    loss = claim()
    assert ruled("notice", replace(loss, reported_at=loss.loss_until + after)) == outcome


def test_a_taken_over_policy_was_bought_elsewhere_and_its_claims_are_judged_by_its_dates():
    policy = PolicyFacts(starts_at=STARTS, ends_at=ENDS, issued_at=None)
    damage = ClaimFacts(
        cause="airport_property_damage",
        loss_at=STARTS,
        loss_until=STARTS + DAY - MOMENT,
        reported_at=STARTS + DAY,
        items=(ClaimedItem("Locks", Money(190001000, "USD")),),
    )
    result = check(AIRPORT, policy=policy, claim=damage)
    assert (result.outcome, result.payable) == (Outcome.PASS, Money(25_000_000, "USD"))
    assert lines(result) == [
        ("Claimed", 190001000, "2.1", ""),
        ("At most US$250,000.00 for one loss", 25_000_000, "3.1", "LIMIT_OCCURRENCE"),
    ]
    assert result.trace[2].sentence == "The policy was bought from the insurer before us."


def test_cover_begins_at_the_purchase_for_cancelling_and_at_the_start_for_the_rest():
    begins = {
        cause: cover_begins(TRAVEL, policy=ALICES, cause=cause)
        for cause in ("cancelled_for_home", "other", "baggage_lost")
    }
    assert begins == {"cancelled_for_home": BOUGHT, "other": STARTS, "baggage_lost": STARTS}
    late = replace(ALICES, issued_at=STARTS + HOUR)
    assert cover_begins(TRAVEL, policy=late, cause="baggage_lost") == STARTS + HOUR
    assert cover_begins(AIRPORT, policy=replace(ALICES, issued_at=None), cause="airport_theft") == STARTS


def test_a_claim_in_another_currency_than_the_policys_is_a_mistake_of_ours():
    with pytest.raises(MoneyError):
        checked(claim(ClaimedItem("Bag", Money(100, "USD"))))


@pytest.mark.parametrize("facts", [{"items": ()}, {"loss_until": STARTS - DAY}])
def test_a_claim_without_an_item_or_with_a_loss_that_ends_before_it_begins_is_a_mistake_of_ours(facts):
    with pytest.raises(AssertionError):
        checked(replace(claim(), **facts))


moments = st.datetimes(datetime(2026, 11, 1), datetime(2027, 1, 31), timezones=st.just(UTC))
items = st.builds(
    ClaimedItem,
    st.just("Thing"),
    st.integers(0, 10**8).map(lambda minor: Money(minor, "EUR")),
    st.sampled_from([None, True, False]),
)


@given(
    st.sampled_from(sorted(causes())),
    moments,
    moments,
    moments,
    st.lists(items, min_size=1, max_size=5),
    st.none() | st.integers(0, 1000),
    st.integers(0, 10**8),
)
def test_the_lines_always_follow_from_one_another_and_never_pay_more_than_was_claimed(
    cause, at, until, issued, things, hours, used
):
    at, until = min(at, until), max(at, until)
    policy = replace(ALICES, issued_at=issued, accepted_before={cause: Money(used, "EUR")})
    facts = ClaimFacts(cause, at, until, until, tuple(things), hours)
    result = check(TRAVEL, policy=policy, claim=facts)
    assert all(earlier.after == later.before for earlier, later in zip(result.steps, result.steps[1:], strict=False))
    assert all(
        step.before >= step.after >= eur(0) and (step.before > step.after) == bool(step.reason) for step in result.steps
    )
    assert eur(0) <= result.payable <= result.steps[0].before
    assert all(TRAVEL.clause(clause) for _, clause in result.reasons)
    assert all((rule.outcome is Outcome.PASS) == (not rule.reason) for rule in result.trace)
