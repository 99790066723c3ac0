"""A person's own page: the most pressing step first, everything of theirs, nothing of others."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from claims.actions import adjusting, claim, kyc
from claims.models import Policy
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, alice):
    client.force_login(alice)

    def read() -> tuple[str, str]:
        """What the turn says and where it leads."""
        answer = client.get("/cover/")
        turn = answer.context["turn"]
        return turn.whose, turn.url

    return read


def test_who_is_not_signed_in_is_asked_to(client) -> None:
    answer = client.get("/cover/")
    assert (answer.status_code, answer.url) == (302, "/accounts/login/?next=/cover/")


def test_a_newcomer_is_asked_who_they_are_and_can_get_a_price(client, page) -> None:
    assert page() == ("you", "/identity/")
    html = client.get("/cover/").content.decode()
    assert "Nothing covers you yet" in html and "Not given" in html
    assert reverse("quote-new", args=["travel-1"]) in html


def test_each_state_of_the_identity_has_its_next_step(client, page, alice, carol) -> None:
    case = people.submit_identity(alice)
    assert page() == ("us", "")
    kyc.ask_for_information(by=carol, case=case, reason_code="blurry", message="Line 2, please.")
    assert page() == ("you", "/identity/")
    html = client.get("/cover/").content.decode()
    assert "The picture is blurred" in html and "Line 2, please." in html
    people.submit_identity(alice)
    kyc.reject_identity(by=carol, case=case, reason_code="does_not_match", message="")
    assert page() == ("you", "/identity/")
    people.verify(alice, officer=carol)
    assert page() == ("you", reverse("quote-new", args=["travel-1"]))


def test_an_offer_a_policy_a_draft_and_a_claim_each_move_the_next_step_on(page, alice, carol, dora, grace) -> None:
    people.verify(alice, officer=carol)
    quote = people.quote_for(alice)
    assert page() == ("you", reverse("quote", args=[quote.pk]))
    cover = people.buy(alice, quote)
    assert page() == ("nobody", "")
    draft = claim.start_draft(by=alice, policy=cover)
    assert page() == ("you", reverse("claim-draft", args=[draft.pk, "check"]))
    claim.discard_draft(by=alice, draft=draft)
    case = people.file_claim(alice, cover)
    assert page() == ("us", "")
    adjusting.pay_claim(by=grace, claim=people.accept_in_full(case, by=dora), reference="BANK-1")
    assert page() == ("nobody", "")


def test_alice_sees_what_is_hers_and_bob_none_of_it(client, alice, bob, carol) -> None:
    cover = people.insured(alice, officer=carol)
    case = people.file_claim(alice, cover)
    draft = claim.start_draft(by=alice, policy=cover)
    offer = people.quote_for(alice)
    hers = [
        reverse("policy", args=[cover.number]), reverse("claim", args=[case.number]),
        reverse("claim-draft", args=[draft.pk, "check"]), reverse("quote", args=[offer.pk]),
    ]  # fmt: skip
    client.force_login(alice)
    html = client.get("/cover/").content.decode()
    assert [address for address in hers if address not in html] == []
    client.force_login(bob)
    html = client.get("/cover/").content.decode()
    assert [address for address in hers if address in html] == []


def test_staff_see_their_own_cover_there_not_everybodys(client, alice, carol, dora) -> None:
    people.insured(alice, officer=carol)
    client.force_login(dora)
    assert client.get("/cover/").context["policies"] == []


def test_an_offer_that_has_ended_is_not_shown(client, alice, time_machine) -> None:
    quote = people.quote_for(alice)
    client.force_login(alice)
    assert client.get("/cover/").context["quotes"] == [quote]
    time_machine.move_to(quote.valid_until)
    client.force_login(alice)
    assert client.get("/cover/").context["quotes"] == []


def test_the_page_takes_as_many_queries_for_three_of_each_as_for_one(client, alice, carol) -> None:
    def add(key: str) -> None:
        cover = people.buy(alice, people.quote_for(alice))
        case = people.file_claim(alice, cover, key=key)
        claim.save_draft(by=alice, draft=claim.start_draft(by=alice, policy=case.policy), answers={"a": key})
        people.quote_for(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/cover/")
        return len(captured)

    people.verify(alice, officer=carol)
    client.force_login(alice)
    add("one")
    for_one = queries()
    add("two")
    add("three")
    assert (Policy.objects.count(), queries()) == (3, for_one)
    assert for_one == 9
