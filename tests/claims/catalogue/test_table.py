from datetime import date
from decimal import Decimal

import pytest

from claims.catalogue.table import CatalogueError, Table
from claims.money import Money


def table(text):
    return Table.parse(text.encode(), file="demo.toml")


def refusal(read, text):
    with pytest.raises(CatalogueError) as caught:
        read(table(text))
    return str(caught.value)


def test_values_come_as_what_they_are_and_fractions_as_decimals():
    row = table('name = "Bag"\nhours = 72\nfactor = 0.95\nday = 2026-11-01\nsold = true\ncodes = ["a", "b"]')
    assert (row.text("name"), row.whole("hours"), row.number("factor")) == ("Bag", 72, Decimal("0.95"))
    assert (row.day("day"), row.flag("sold"), row.texts("codes")) == (date(2026, 11, 1), True, ("a", "b"))
    row.close()


def test_amounts_are_exact_in_their_currency():
    assert table("limit = 2_000.50").money("limit", "EUR") == Money(200050, "EUR")
    assert table("limit = 300").money("limit", "JPY") == Money(300, "JPY")


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (lambda row: row.text("name"), "", "name: is missing; it must be text in quotes"),
        (lambda row: row.text("name"), "name = 1", "name: must be text in quotes"),
        (lambda row: row.text("name"), 'name = ""',
         "name: must not be empty, nor have line breaks or spaces at its ends or doubled"),
        (lambda row: row.text("name"), 'name = "a  b"',
         "name: must not be empty, nor have line breaks or spaces at its ends or doubled"),
        (lambda row: row.texts("codes"), "codes = []", "codes: must be a list of texts that are not empty"),
        (lambda row: row.texts("codes"), "codes = [1]", "codes: must be a list of texts that are not empty"),
        (lambda row: row.texts("codes"), 'codes = ["a", "a"]', "codes: names something twice"),
        (lambda row: row.one_of("kind", ("a", "b")), 'kind = "c"', "kind: is 'c', must be one of a, b"),
        (lambda row: row.whole("days"), "days = -1", "days: must be a whole number of at least 0"),
        (lambda row: row.whole("days", least=1), "days = 0", "days: must be a whole number of at least 1"),
        (lambda row: row.whole("days"), "days = true", "days: must be a whole number of at least 0"),
        (lambda row: row.whole("days"), "days = 1.0", "days: must be a whole number"),
        (lambda row: row.number("factor"), "factor = -0.5", "factor: must be a number that is not negative"),
        (lambda row: row.number("factor"), "factor = inf", "factor: must be a number that is not negative"),
        (lambda row: row.number("factor"), "factor = nan", "factor: must be a number that is not negative"),
        (lambda row: row.number("factor"), "factor = false", "factor: must be a number that is not negative"),
        (lambda row: row.number("factor"), 'factor = "1"', "factor: must be a number"),
        (lambda row: row.money("limit", "EUR"), "limit = 1.005", "limit: 1.005 has more decimals than EUR knows."),
        (lambda row: row.day("day"), "day = 2026-11-01T10:00:00Z", "day: must be a date without a time"),
        (lambda row: row.day("day"), 'day = "2026-11-01"', "day: must be a date such as 2026-11-01"),
        (lambda row: row.flag("sold"), "sold = 1", "sold: must be true or false"),
        (lambda row: row.table("tariff"), "tariff = 1", "tariff: must be a table"),
        (lambda row: row.tables("row"), "row = []", "row: must be a list of at least one table"),
        (lambda row: row.tables("row"), "row = [1]", "row: must be a list of at least one table"),
        (lambda row: row.close(), "extra = 1", "extra: is not a key that is known here"),
        (lambda row: row.tables("row")[1].text("code"), "[[row]]\n[[row]]",
         "row[1].code: is missing; it must be text in quotes"),
        (lambda row: row.table("a").table("b").whole("c"), "[a.b]\nc = 'x'", "a.b.c: must be a whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_file_and_place(read, text, sentence):
    assert refusal(read, text) == f"demo.toml: {sentence}"


@pytest.mark.parametrize("content", [b"name = ", b"\xff = 1", b"a = 1\na = 2"])
def test_a_file_that_is_not_toml_is_refused_by_name(content):
    with pytest.raises(CatalogueError, match=r"^demo.toml: is not TOML in UTF-8: "):
        Table.parse(content, file="demo.toml")
