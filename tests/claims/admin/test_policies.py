"""uma reads quotes and policies; money has a list and no page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from anchoring import log, vault
from claims.models import ClaimPayment, Policy, PremiumPayment, Quote
from claims.workflow import subject_of
from tests import people
from tests.claims.admin.test_claims import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def cover(alice, carol) -> Policy:
    return people.insured(alice, officer=carol)


def test_uma_reads_a_policy_and_the_answers_it_rests_on(client, uma, cover) -> None:
    client.force_login(uma)
    text = words(client.get(reverse("admin:claims_policy_change", args=[cover.pk])))
    for shown in (cover.number, "Alice Adams", "Travel insurance", "policy.pdf", "Issued, in force from"):
        assert shown in text, shown
    text = words(client.get(reverse("admin:claims_quote_change", args=[cover.quote_id])))
    assert "Where are you going? Europe" in text


def test_the_list_of_policies_ends_each_on_its_last_day(client, uma, cover) -> None:
    client.force_login(uma)
    text = words(client.get(reverse("admin:claims_policy_changelist")))
    assert f"{cover.starts_at:%-d %b %Y} {cover.last_day:%-d %b %Y} €" in text


def test_dora_reads_the_policy_with_its_claims_but_not_the_quote(client, dora, alice, cover) -> None:
    claim = people.file_claim(alice, cover, 25_000)
    client.force_login(dora)
    answer = client.get(reverse("admin:claims_policy_change", args=[cover.pk]))
    assert (claim.number in words(answer), cover.quote.number in words(answer)) == (True, False)


def test_erased_answers_are_said_to_be_erased(client, uma, cover) -> None:
    vault.destroy(cover.party.owner)
    client.force_login(uma)
    assert "The content was erased." in words(client.get(reverse("admin:claims_quote_change", args=[cover.quote_id])))


def test_compliance_takes_the_proof_of_a_policy_and_of_a_quote(client, frank, cover) -> None:
    client.force_login(frank)
    for thing, model in ((cover, "policy"), (cover.quote, "quote")):
        answer = client.get(reverse(f"admin:claims_{model}_proof", args=[thing.pk]))
        assert answer.content == log.proof(subject_of(thing), owners=None)


@pytest.mark.parametrize("model", ["policy", "quote", "kyccase", "premiumpayment"])
def test_each_list_asks_as_often_for_three_rows_as_for_one(
    client, frank, alice, bob, dora, carol, cover, model
) -> None:
    client.force_login(frank)
    address = reverse(f"admin:claims_{model}_changelist")
    client.get(address)
    with CaptureQueriesContext(connection) as for_one:
        client.get(address)
    for other in (bob, dora):
        people.insured(other, officer=carol)
    with CaptureQueriesContext(connection) as for_three:
        client.get(address)
    assert len(for_three) == len(for_one)


def test_money_has_a_list_and_no_page(client, grace, dora, alice, cover) -> None:
    claim = people.accept_in_full(people.file_claim(alice, cover, 25_000), by=dora)
    client.force_login(grace)
    premium = PremiumPayment.objects.get()
    for model in ("claimpayment", "premiumpayment"):
        page = reverse(f"admin:claims_{model}_change", args=[premium.pk])
        listed = reverse(f"admin:claims_{model}_changelist")
        assert client.get(page).url == listed
        assert client.get(reverse(f"admin:claims_{model}_history", args=[premium.pk])).url == listed
        client.force_login(dora)
        assert client.get(page).status_code == 404
        client.force_login(grace)
    assert (ClaimPayment.objects.count(), claim.status) == (0, "decided")


def test_quotes_that_ended_are_said_to_have_ended(client, uma, alice, time_machine) -> None:
    quote: Quote = people.quote_for(alice)
    time_machine.move_to(quote.valid_until.replace(year=quote.valid_until.year + 1))
    client.force_login(uma)
    assert "Ended" in words(client.get(reverse("admin:claims_quote_changelist")))
