import pytest

from claims.catalogue import authority_limit, causes, kyc_reasons, products, reasons
from claims.catalogue.lists import read_causes, read_kyc_reasons, read_reasons
from claims.catalogue.table import CatalogueError, Table


@pytest.mark.parametrize(
    ("role", "currency", "minor"),
    [
        ("adjuster", "EUR", 100_000),
        ("adjuster", "USD", 100_000),
        ("adjuster", "GBP", 100_000),
        ("supervisor", "EUR", 250_000_000),
        ("supervisor", "USD", 250_000_000),
        ("adjuster", "JPY", 0),
        ("finance", "EUR", 0),
        ("", "EUR", 0),
        (None, "EUR", 0),
    ],
)
def test_dora_and_erin_may_decide_this_much_alone_and_others_nothing(role, currency, minor):
    assert authority_limit(role=role, currency=currency) == minor


def test_no_product_pays_more_than_a_supervisor_may_approve():
    for product in products():
        limit = authority_limit(role="supervisor", currency=product.currency)
        assert max(coverage.limit.minor for coverage in product.coverages) <= limit


def test_every_cause_but_the_last_belongs_to_one_coverage_of_some_product():
    named = [cause for product in products() for cause in product.causes]
    assert sorted([*named, "other"]) == sorted(causes())


def test_every_reason_but_an_exclusion_rests_on_a_clause_of_some_product():
    founded = {reason for product in products() for reason in product.provisions}
    assert set(reasons()) - founded == {"EXCLUSION"}


def test_reasons_for_a_decline_and_for_part_payment_are_told_apart():
    uses = {code: reason.used_for for code, reason in reasons().items()}
    assert (uses["NOT_IN_FORCE"], uses["DEDUCTIBLE"], uses["NO_PROOF"]) == (
        ("decline",),
        ("part",),
        ("decline", "part"),
    )


def test_identity_reasons_ask_for_something_or_reject():
    steps = [reason.step for reason in kyc_reasons().values()]
    assert (steps.count("ask"), steps.count("reject"), kyc_reasons()["expired"].label) == (
        12,
        4,
        "Document has expired",
    )


def test_every_sentence_that_a_person_reads_is_one():
    said = [reason.sentence for reason in (*reasons().values(), *kyc_reasons().values())]
    said += [cause.help for cause in causes().values()]
    assert [sentence for sentence in said if not sentence.endswith(".") or not sentence[0].isupper()] == []


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (read_causes, '[[cause]]\ncode = "a"\nlabel = "A"', "cause[0].help: is missing; it must be text in quotes"),
        (read_causes, '[[cause]]\ncode = "a"\nlabel = "A"\nhelp = "A."\n' * 2, "code: is given twice"),
        (
            read_causes,
            'note = 1\n[[cause]]\ncode = "a"\nlabel = "A"\nhelp = "A."',
            "note: is not a key that is known here",
        ),
        (read_reasons, '[[reason]]\nused_for = ["never"]', "reason[0].used_for: may only name decline and part"),
        (read_kyc_reasons, '[[reason]]\nstep = "block"', "reason[0].step: is 'block', must be one of ask, reject"),
    ],
)
def test_a_list_that_cannot_stand_is_refused_with_its_place(read, text, sentence):
    with pytest.raises(CatalogueError) as caught:
        read(Table.parse(text.encode(), file="list.toml"))
    assert str(caught.value) == f"list.toml: {sentence}"
