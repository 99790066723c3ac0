"""From the questions to the policy: prices explained, refusals in words, one purchase."""

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from anchoring import log
from claims.gateway import Charge, TestGateway
from claims.models import Policy, PremiumPayment, Quote
from claims.views import quote as views
from claims.workflow import subject_of
from tests import people
from tests.claims.forms.test_quote import GOOD, TODAY, parts

pytestmark = pytest.mark.django_db
NEW = "/quotes/new/travel-1/"


@pytest.fixture
def browser(client, alice) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def quote(alice, carol) -> Quote:
    people.verify(alice, officer=carol)
    return people.quote_for(alice)


def address(quote: Quote, name: str = "quote") -> str:
    return reverse(name, args=[quote.pk])


def words(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.mark.parametrize("path", [NEW, f"/quotes/{uuid.UUID(int=1)}/", f"/quotes/{uuid.UUID(int=1)}/buy/"])
def test_who_is_not_signed_in_is_asked_to(client, path) -> None:
    assert client.get(path).url == f"/accounts/login/?next={path}"


def test_alice_answers_and_reads_her_price_line_by_line(browser) -> None:
    answer = browser.post(NEW, GOOD)
    quote = Quote.objects.get()
    assert answer.url == address(quote)
    page = browser.get(answer.url)
    assert page.context["steps"] == [
        {"label": "Basic price", "effect": "+ €6.00", "running": "€6.00"},
        {"label": "14 days at €1.10", "effect": "+ €15.40", "running": "€21.40"},
        {"label": "Europe", "effect": "× 1", "running": "€21.40"},
        {"label": f"Aged {quote_age(quote)} on departure", "effect": "× 1.25", "running": "€26.75"},
        {"label": "Trip of 8 to 14 days", "effect": "× 0.95", "running": "€25.41"},
        {"label": "2.5 % of the trip's cost above €1,000.00", "effect": "+ €20.00", "running": "€45.41"},
    ]
    text = words(page)
    assert "€54.49" in text and "Insurance premium tax, 20 %" in text
    assert [part.heading for part in quote.product.summary if part.heading not in text] == []
    assert [clause.ref for clause in quote.product.clauses if clause.ref not in text] == []


def quote_age(quote: Quote) -> int:
    departs = quote.starts_at.date()
    return departs.year - people.BORN.year - ((departs.month, departs.day) < (people.BORN.month, people.BORN.day))


def test_each_wrong_answer_is_refused_at_its_question_and_all_words_are_kept(browser) -> None:
    answer = browser.post(NEW, GOOD | {"region": "", "trip_cost": "-5"})
    html = answer.content.decode()
    assert {name: list(errors) for name, errors in answer.context["form"].errors.items()} == {
        "region": ["Choose where you are going."],
        "trip_cost": ["Enter the amount without a minus sign."],
    }
    assert 'value="-5"' in html and "<title>Error: Get a price" in html
    assert not Quote.objects.exists()


def test_what_needs_a_person_gets_a_page_that_says_so_and_nothing_is_kept(browser) -> None:
    answer = browser.post(NEW, GOOD | parts("returns_on", TODAY + timedelta(days=120)) | {"trip_cost": "9000"})
    assert answer.status_code == 200
    assert "A person has to look at this" in words(answer)
    assert [reason.code for reason in answer.context["reasons"]] == ["days", "trip_cost"]
    assert not Quote.objects.exists()


@pytest.mark.parametrize("code", ["travel-99", "airport-baggage-us-1"])
def test_what_is_not_sold_here_is_not_found(browser, code) -> None:
    assert browser.get(f"/quotes/new/{code}/").status_code == 404


def test_other_answers_start_from_those_given_before_but_only_ones_own(browser, quote, bob) -> None:
    form = browser.get(f"{NEW}?from={quote.pk}").context["form"]
    assert (form.initial["trip_cost"], form.initial["birth_date"]) == ("1800.00", people.BORN)
    theirs = people.quote_for(bob)
    for other in (theirs.pk, uuid.uuid4(), "nonsense"):
        assert browser.get(f"{NEW}?from={other}").context["form"].initial == {}


def test_bob_finds_nothing_at_alices_price_and_cannot_buy_it(client, bob, quote) -> None:
    client.force_login(bob)
    assert client.get(address(quote)).status_code == 404
    assert client.post(address(quote, "quote-buy"), {"card": "test-pays"}).status_code == 404
    assert not PremiumPayment.objects.exists()


def test_an_underwriter_reads_the_price_at_the_desk_but_is_refused_the_purchase_and_that_is_recorded(
    client, uma, quote
) -> None:
    client.force_login(uma)
    assert client.get(address(quote)).url == reverse("admin:claims_quote_change", args=[quote.pk])
    answer = client.post(address(quote, "quote-buy"), {"card": "test-pays"})
    assert answer.status_code == 403
    assert "Only the person whose record this is may do this." in words(answer)
    refusals = log.Entry.objects.filter(kind="refusal.recorded")
    assert (refusals.count(), Policy.objects.count()) == (1, 0)


def test_alice_pays_and_holds_a_policy(browser, quote) -> None:
    answer = browser.post(address(quote, "quote-buy"), {"card": "test-pays"}, follow=True)
    cover = Policy.objects.get()
    assert answer.redirect_chain == [(reverse("policy", args=[cover.number]), 302)]
    assert f"You are insured. Your policy number is {cover.number}." in words(answer)
    assert cover.number in words(browser.get(address(quote)))


def test_the_button_pressed_twice_leads_to_the_same_policy(browser, quote) -> None:
    first, second = (browser.post(address(quote, "quote-buy"), {"card": "test-pays"}) for _ in range(2))
    assert first.url == second.url
    assert (Policy.objects.count(), PremiumPayment.objects.count()) == (1, 1)


def test_a_declined_card_says_so_and_another_pays(browser, quote) -> None:
    answer = browser.post(address(quote, "quote-buy"), {"card": "test-declines"})
    assert answer.context["form"].non_field_errors() == ["The card was declined. Nothing was taken. Try another card."]
    assert not Policy.objects.exists()
    browser.post(address(quote, "quote-buy"), {"card": "test-pays"})
    assert Policy.objects.count() == 1


def test_without_a_card_nothing_is_charged(browser, quote) -> None:
    answer = browser.post(address(quote, "quote-buy"), {})
    assert answer.context["form"].errors == {"card": ["Choose a card."]}
    assert not PremiumPayment.objects.exists()


class Silent(TestGateway):
    """A gateway that does not answer until it is told to."""

    answers = False

    def charge(self, *, key, amount, card) -> Charge:
        if not self.answers:
            raise TimeoutError("no answer")
        return super().charge(key=key, amount=amount, card=card)


def test_when_nobody_knows_how_the_payment_ended_the_same_one_goes_on(browser, quote, monkeypatch) -> None:
    gateway = Silent()
    monkeypatch.setattr(views, "GATEWAY", gateway)
    answer = browser.post(address(quote, "quote-buy"), {"card": "test-pays"})
    assert (answer.status_code, "you never pay twice" in words(answer)) == (503, True)
    gateway.answers = True
    browser.post(address(quote, "quote-buy"), {"card": "test-pays"})
    assert (PremiumPayment.objects.get().status, Policy.objects.count()) == ("captured", 1)


def test_who_is_not_verified_reads_what_to_do_first(browser, alice, carol) -> None:
    quote = people.quote_for(alice)
    assert "Give your identity" in words(browser.get(address(quote)))
    answer = browser.post(address(quote, "quote-buy"), {"card": "test-pays"})
    assert answer.context["form"].non_field_errors() == [
        "We need to know who you are first. Give your identity; we check it, then you can buy."
    ]
    people.submit_identity(alice)
    text = words(browser.get(address(quote)))
    assert "We are still checking your identity" in text and "and be insured" not in text


def test_an_offer_that_has_ended_says_so_and_cannot_be_bought(client, alice, quote, time_machine) -> None:
    time_machine.move_to(quote.valid_until + timedelta(seconds=1))
    client.force_login(alice)
    assert "This offer has ended" in words(client.get(address(quote)))
    answer = client.post(address(quote, "quote-buy"), {"card": "test-pays"})
    assert answer.context["form"].non_field_errors() == [
        "This offer has ended. Ask for a new price: it takes a minute."
    ]


def test_coming_back_to_the_purchase_after_signing_in_again_shows_the_price(browser, quote) -> None:
    assert browser.get(address(quote, "quote-buy")).url == address(quote)


def test_the_questions_as_they_were_asked_are_recorded_with_the_answers(browser) -> None:
    browser.post(NEW, GOOD)
    facts = log.history(subject_of(Quote.objects.get()))[0].facts
    assert (facts["answer.region"], facts["product_sha256"]) == ("europe", Quote.objects.get().product_sha256)
    assert timezone.now() < Quote.objects.get().valid_until


def test_the_pages_are_for_reading_or_for_sending_as_they_say(browser, quote) -> None:
    assert browser.post(address(quote)).status_code == 405
    assert browser.delete(address(quote, "quote-buy")).status_code == 405
