import re
from datetime import date
from pathlib import Path

import pytest

import claims.catalogue
from claims.catalogue import CatalogueError, product
from claims.catalogue.product import SUMMARY_HEADINGS, parse_product
from claims.money import Money

TRAVEL_FILE = Path(claims.catalogue.__file__).parent / "products" / "travel-1.toml"
TRAVEL_TEXT = TRAVEL_FILE.read_text()


def changed(old, new):
    """The travel product with one passage changed, read again."""
    assert TRAVEL_TEXT.count(old) >= 1
    return parse_product(TRAVEL_TEXT.replace(old, new, 1).encode(), file="travel-1.toml")


def test_the_travel_product_is_read_with_its_amounts_and_periods():
    travel = product("travel-1")
    assert (travel.code, travel.family, travel.version, travel.currency) == ("travel-1", "travel", "1", "EUR")
    assert (travel.sold_online, travel.valid_from, travel.quote_valid_days) == (True, date(2026, 11, 1), 14)
    assert (travel.notify_within_days, travel.late_purchase.waiting_hours) == (30, 72)
    assert [
        (coverage.code, coverage.limit.minor, coverage.deductible.minor, coverage.aggregate == coverage.limit)
        for coverage in travel.coverages
    ] == [
        ("medical", 200_000_000, 10_000, True),
        ("cancellation", 500_000, 7_500, True),
        ("baggage", 200_000, 7_500, True),
        ("delay", 30_000, 0, True),
        ("liability", 100_000_000, 0, True),
    ]


def test_baggage_and_delay_have_their_inner_limits():
    coverages = {coverage.code: coverage for coverage in product("travel-1").coverages}
    assert coverages["baggage"].item_limit == Money(30_000, "EUR")
    assert coverages["baggage"].valuables_limit == Money(40_000, "EUR")
    assert (coverages["delay"].benefit.amount, coverages["delay"].benefit.hours) == (Money(5_000, "EUR"), 12)
    assert [code for code, coverage in coverages.items() if coverage.cover_from == "issue"] == ["cancellation"]
    assert [code for code, coverage in coverages.items() if coverage.limited_to_trip_cost] == ["cancellation"]


def test_the_airport_product_was_taken_over_and_nobody_can_buy_it():
    airport = product("airport-baggage-us-1")
    assert (airport.sold_online, airport.tariff, airport.questions, airport.cooling_off) == (False, None, (), None)
    assert {coverage.limit for coverage in airport.coverages} == {Money(25_000_000, "USD")}
    assert {coverage.deductible for coverage in airport.coverages} == {Money(0, "USD")}


@pytest.mark.parametrize(("term_days", "days"), [(14, 0), (27, 0), (28, 14), (90, 14)])
def test_terms_shorter_than_any_month_have_no_cooling_off(term_days, days):
    assert product("travel-1").cooling_off_days(term_days=term_days) == days


def test_a_product_without_the_right_has_no_cooling_off_days():
    assert product("airport-baggage-us-1").cooling_off_days(term_days=365) == 0


def test_clauses_are_numbered_by_their_place_in_the_terms():
    travel = product("travel-1")
    assert travel.clauses[0].ref == "1.1"
    assert travel.clause("5.10").text.startswith("Cancelling for any reason that clause 3.2 does not name")
    assert len({clause.ref for clause in travel.clauses}) == len(travel.clauses) == 45


@pytest.mark.parametrize("code", ["travel-1", "airport-baggage-us-1"])
def test_clauses_that_the_terms_mention_are_there(code):
    sold = product(code)
    mentioned = re.findall(r"[0-9]+\.[0-9]+(?![0-9.,])", " ".join(re.findall(r"clauses? [0-9. to]+", _all_text(sold))))
    assert mentioned and all(sold.clause(ref) for ref in mentioned)


def _all_text(sold):
    return " ".join(clause.text for clause in sold.clauses)


@pytest.mark.parametrize("code", ["travel-1", "airport-baggage-us-1"])
def test_the_amounts_in_terms_and_summary_are_those_that_are_paid(code):
    """Every amount a holder reads is one of a coverage, and no coverage has one that is not told."""
    sold = product(code)
    paid = set()
    for coverage in sold.coverages:
        benefit = coverage.benefit.amount if coverage.benefit else None
        paid |= {coverage.limit, coverage.deductible, coverage.item_limit, coverage.valuables_limit, benefit}
    expected = {f"{amount.decimal:,.2f}" for amount in paid - {None} if amount.minor}
    summary = " ".join(point for part in sold.summary for point in part.points)
    figures = r"[€$]([0-9,]+\.[0-9]{2})"
    assert set(re.findall(figures, _all_text(sold))) == expected
    assert set(re.findall(figures, summary)) == expected


def test_a_clause_that_the_terms_do_not_have_is_refused():
    with pytest.raises(CatalogueError, match="travel-1 has no clause '9.9'"):
        product("travel-1").clause("9.9")


def test_causes_lead_to_one_coverage_or_to_none():
    travel = product("travel-1")
    assert travel.coverage_for("baggage_lost").code == "baggage"
    assert travel.coverage_for("airport_theft") is None


def test_exclusions_apply_to_the_coverages_they_name_or_to_all():
    travel = product("travel-1")
    delay = travel.coverage_for("departure_delayed")
    assert [exclusion.plain for exclusion in travel.exclusions_for(delay)] == [
        "Harm done on purpose",
        "What you knew would happen",
        "War and nuclear events",
        "Sanctions",
    ]


def test_questions_have_the_words_that_people_are_shown():
    questions = {question.key: question for question in product("travel-1").questions}
    assert [(key, question.kind) for key, question in questions.items()] == [
        ("region", "choice"), ("departs_on", "date"), ("returns_on", "date"), ("birth_date", "date"),
        ("trip_cost", "money"), ("winter_sports", "yes_no"),
    ]  # fmt: skip
    assert [option.value for option in questions["region"].options] == [
        "domestic",
        "europe",
        "world_without_us",
        "world",
    ]


def test_the_summary_has_the_regulations_headings():
    assert tuple(part.heading for part in product("travel-1").summary) == SUMMARY_HEADINGS


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('currency = "EUR"', 'currency = "EURO"',
         "currency: 'EURO' is not the code of a currency in use, such as EUR or USD."),
        ('sold_online = true', 'sold_online = true\nsold_offline = true',
         "sold_offline: is not a key that is known here"),
        ("deductible = 100.00", "deductable = 100.00", "coverage[0].deductible: is missing; it must be a number"),
        ("item_limit = 300.00", "item_limit = 300.00\nitem_limits = 1",
         "coverage[2].item_limits: is not a key that is known here"),
        ("limit = 300.00", "limit = 300.005", "coverage[2].item_limit: 300.005 has more decimals than EUR knows."),
        ('cover_from = "issue"', 'cover_from = "birth"',
         "coverage[1].cover_from: is 'birth', must be one of issue, start"),
        ('notify_clause = "6.1"', 'notify_clause = "6.9"',
         "notify_clause: cites clause 6.9, which the terms do not have"),
        ('NO_PROOF = "6.3"', 'NO_PROOF = "8.1"', "provisions.NO_PROOF: cites clause 8.1, which the terms do not have"),
        ('NOT_IN_FORCE = "2.1"\n', "", "provisions: must say which clause NOT_IN_FORCE rests on"),
        ('ITEM_LIMIT = "4.3"\n', "", "provisions: must say which clause ITEM_LIMIT rests on"),
        ('clause = "5.12"', 'clause = "5.13"', "exclusion.clause: cites clause 5.13, which the terms do not have"),
        ('limit_clause = "4.1"', 'limit_clause = "4.99"',
         "coverage medical.limit_clause: cites clause 4.99, which the terms do not have"),
        ('clause = "2.4"', 'clause = "2.44"', "late_purchase.clause: cites clause 2.44, which the terms do not have"),
        ('clause = "1.4"', 'clause = "1.44"', "cooling_off.clause: cites clause 1.44, which the terms do not have"),
        ('hours = 12, clause = "4.4"', 'hours = 12, clause = "4.44"',
         "coverage delay.benefit.clause: cites clause 4.44, which the terms do not have"),
        ('"baggage_lost", ', '"illness_abroad", ', "coverage.causes: names 'illness_abroad' twice"),
        ('code = "delay"', 'code = "baggage"', "coverage: names 'baggage' twice"),
        ('coverages = ["liability"]', 'coverages = ["life"]',
         "exclusion[8].coverages: names 'life', which is no coverage of this product"),
        ('key = "returns_on"', 'key = "departs_on"', "question: names 'departs_on' twice"),
        ('kind = "yes_no"', 'kind = "maybe"',
         "question[5].kind: is 'maybe', must be one of choice, date, money, yes_no"),
        ('{ value = "world", label', '{ value = "mars", label',
         "question: must offer exactly the tariff's regions, in their order and words"),
        ('heading = "What is insured?"', 'heading = "What do we insure?"',
         "summary: must have the headings of Regulation (EU) 2017/1469 in their order"),
        ("{ to = 64, factor = 1.25 }", "{ to = 39, factor = 1.25 }",
         "tariff.age[2].to: must rise from band to band, with a factor above zero"),
        ("{ to = 64, factor = 1.25 }", "{ to = 64, factor = 0 }",
         "tariff.age[2].to: must rise from band to band, with a factor above zero"),
        ("{ to = 64, factor = 1.25 }", "{ to = 64, factor = 1.25, note = 1 }",
         "tariff.age[2].note: is not a key that is known here"),
        ('{ code = "world", label', '{ code = "europe", label', "tariff.region: names a region twice"),
        ("tax_percent = 20\n", "", "tariff.tax_percent: is missing; it must be a number"),
    ],
)  # fmt: skip
def test_a_product_that_cannot_stand_is_refused_with_its_place(old, new, sentence):
    with pytest.raises(CatalogueError) as caught:
        changed(old, new)
    assert str(caught.value) == f"travel-1.toml: {sentence}"


def test_a_product_that_is_sold_needs_a_tariff():
    airport = (
        TRAVEL_FILE.with_name("airport-baggage-us-1.toml")
        .read_text()
        .replace("sold_online = false", "sold_online = true")
    )
    with pytest.raises(CatalogueError, match="x.toml: sold_online: needs a tariff and questions"):
        parse_product(airport.encode(), file="x.toml")
