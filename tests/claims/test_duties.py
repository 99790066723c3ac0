"""Everyone's first page says what waits for them."""

import pytest
from django.urls import reverse

from claims.actions import adjusting
from claims.duties import duties_of
from claims.workflow import StepRefused
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


def counts(user) -> list[tuple[str, int]]:
    return [(duty.title, duty.count) for duty in duties_of(user)]


def test_carol_has_the_identities_that_were_sent(carol, alice, bob) -> None:
    people.submit_identity(alice)
    people.verify(bob, officer=carol)
    assert counts(carol) == [("Identities to check", 1)]


def test_dora_has_her_own_claims_first_then_those_that_nobody_has(dora, alice, cover) -> None:
    people.file_claim(alice, cover, 10_000, key="1")
    mine = people.file_claim(alice, cover, 10_000, key="2")
    adjusting.take_claim(by=dora, claim=mine)
    assert counts(dora) == [("Claims that you are handling", 1), ("Claims that nobody has taken", 1)]
    assert duties_of(dora)[0].oldest == mine.reported_at


def test_erin_has_the_proposals_of_others_that_do_not_concern_herself(dora, erin, alice, carol, cover) -> None:
    own_cover = people.insured(erin, officer=carol)
    claims = [people.file_claim(alice, cover, 200_000), people.file_claim(erin, own_cover, 200_000)]
    for claim in claims:
        adjusting.take_claim(by=dora, claim=claim)
        adjusting.decide_claim(by=dora, claim=claim, verdict=adjusting.Verdict("accepted", 200_000, "Covered."))
    assert counts(erin) == [("Decisions to approve", 1), ("Claims waiting for a decision", 2)]


def test_grace_has_what_is_decided_and_not_paid(dora, erin, grace, alice, cover) -> None:
    """A proposal that was sent back counts by the decision that followed it."""
    accepted = people.accept_in_full(people.file_claim(alice, cover, 10_000, key="1"), by=dora)
    sent_back = people.file_claim(alice, cover, 200_000, key="2")
    adjusting.take_claim(by=dora, claim=sent_back)
    adjusting.decide_claim(by=dora, claim=sent_back, verdict=adjusting.Verdict("accepted", 200_000, "Covered."))
    adjusting.send_back_decision(by=erin, claim=sent_back, reason="Look again.")
    declined = adjusting.Verdict("declined", 0, "Left alone.", "EXCLUSION", "5.3")
    adjusting.decide_claim(by=dora, claim=sent_back, verdict=declined)
    adjusting.approve_decision(by=erin, claim=sent_back)
    assert counts(grace) == [("Payments to make", 1)]
    adjusting.pay_claim(by=grace, claim=accepted, reference="PAY-1")
    assert counts(grace) == [("Payments to make", 0)]


def test_frank_has_the_refusals_and_what_is_open(dora, frank, alice, cover) -> None:
    claim = people.file_claim(alice, cover, 10_000)
    with pytest.raises(StepRefused):
        adjusting.pay_claim(by=dora, claim=claim, reference="PAY-1")
    assert counts(frank) == [("Refused steps, last 7 days", 1), ("Claims waiting for a decision", 1)]


def test_uma_has_the_prices_on_offer_and_alice_nothing(uma, alice) -> None:
    people.quote_for(alice)
    assert (counts(uma), duties_of(alice)) == ([("Prices on offer", 1)], [])


def test_each_pile_leads_to_its_list(client, carol, dora, erin, grace, frank, uma, alice, cover) -> None:
    claim = people.file_claim(alice, cover, 10_000)
    people.quote_for(alice)
    with pytest.raises(StepRefused):
        adjusting.pay_claim(by=dora, claim=claim, reference="PAY-1")
    adjusting.take_claim(by=dora, claim=claim)
    for user in (carol, dora, erin, grace, frank, uma):
        client.force_login(user)
        for row in client.get(reverse("admin:index")).context["duties"]:
            listed = client.get(row["url"])
            assert (listed.status_code, listed.context["cl"].result_count) == (200, row["duty"].count), row
            changes = listed.context["cl"]
            marked = [[c["display"] for c in spec.choices(changes) if c["selected"]] for spec in changes.filter_specs]
            assert row["duty"].query.count("=") == sum(words not in (["All"], ["Open"], ["To pay"]) for words in marked)
