"""Giving an identity: a page for each state, kept words, nothing sent twice."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from anchoring import log, vault
from claims.actions import kyc
from claims.models import KycCase
from claims.workflow import subject_of
from tests import people
from tests.claims.forms.test_identity import GOOD

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client, alice) -> Client:
    client.force_login(alice)
    return client


def send(browser: Client, address: str = "/identity/", **changes: object):
    scan = SimpleUploadedFile("passport.png", people.PNG)
    return browser.post(address, {**GOOD, "scans": scan, **changes})


def heading(browser: Client, address: str = "/identity/") -> str:
    html = browser.get(address).content.decode()
    return re.sub(r"<[^>]+>", "", re.search(r"<h1.*?</h1>", html, re.S)[0])


def test_who_is_not_signed_in_is_asked_to(client) -> None:
    assert client.get("/identity/").url == "/accounts/login/?next=/identity/"


def test_alice_gives_her_identity_and_reads_that_we_are_checking(browser, alice) -> None:
    assert heading(browser) == "Tell us who you are"
    assert send(browser).url == "/identity/"
    case = KycCase.objects.get()
    assert (case.party.name, case.status, case.documents.count()) == ("Anna Maria Eriksson", "submitted", 1)
    assert heading(browser) == "We are checking"
    assert case.number in browser.get("/identity/").content.decode()


def test_a_wrong_check_digit_is_no_refusal_but_a_finding(browser) -> None:
    send(browser, mrz=GOOD["mrz"][:-1] + "1")
    assert "check_composite" in KycCase.objects.get().findings


def test_malformed_lines_are_refused_with_what_to_copy_and_all_words_are_kept(browser) -> None:
    answer = send(browser, mrz="P<UTO")
    html = answer.content.decode()
    assert (answer.status_code, KycCase.objects.count()) == (200, 0)
    assert "<title>Error: Your identity" in html
    assert "A passport has 2 lines of 44" in html
    assert 'value="Anna Maria Eriksson"' in html and 'value="L898902C3"' in html


def test_sent_twice_it_is_one_case_with_one_event(browser) -> None:
    send(browser)
    assert send(browser).url == "/identity/"
    case = KycCase.objects.get()
    assert (case.documents.count(), len(log.history(subject_of(case)))) == (1, 1)


def test_asked_for_more_alice_reads_why_finds_her_words_and_sends_again(browser, alice, carol) -> None:
    send(browser)
    kyc.ask_for_information(by=carol, case=KycCase.objects.get(), reason_code="blurry", message="<b>Line 2</b>\nplease")
    html = browser.get("/identity/").content.decode()
    assert heading(browser) == "We need something more"
    assert "The picture is blurred" in html
    assert "&lt;b&gt;Line 2&lt;/b&gt;<br>please" in html
    assert 'value="Anna Maria Eriksson"' in html and "passport.png" in html
    browser.post("/identity/", GOOD | {"document_number": "NEW1"})
    case = KycCase.objects.get()
    assert (case.status, case.unseal()["document_number"], case.documents.count()) == ("submitted", "NEW1", 1)


def test_verified_she_has_nothing_left_to_do(browser, alice, carol) -> None:
    people.verify(alice, officer=carol)
    assert heading(browser) == "Your identity is confirmed"
    assert send(browser).url == "/identity/"
    assert KycCase.objects.get().status == "verified"


def test_not_accepted_she_reads_why_and_may_begin_anew(browser, alice, carol) -> None:
    kyc.reject_identity(
        by=carol, case=people.submit_identity(alice), reason_code="does_not_match", message="Another name."
    )
    html = browser.get("/identity/").content.decode()
    assert heading(browser) == "We could not accept your identity"
    assert "contradict each other" in html and "Another name." in html
    assert heading(browser, "/identity/?again=1") == "Tell us who you are"
    send(browser, "/identity/?again=1")
    assert sorted(KycCase.objects.values_list("status", flat=True)) == ["rejected", "submitted"]


def test_the_page_shows_her_own_case_alone(browser, alice, bob) -> None:
    people.submit_identity(bob)
    assert heading(browser) == "Tell us who you are"


def test_once_the_key_is_destroyed_the_page_says_that_the_content_is_gone(browser, alice, carol) -> None:
    case = people.verify(alice, officer=carol)
    vault.destroy(case.owner)
    assert "The content was erased" in browser.get("/identity/").content.decode()


def test_the_scan_is_hers_and_the_officers_and_no_strangers(client, alice, bob, carol, dora) -> None:
    case = people.submit_identity(alice)
    address = reverse("document", args=[case.documents.get().pk])
    seen = {}
    for user in (alice, carol, bob, dora):
        client.force_login(user)
        seen[user.name] = client.get(address).status_code
    assert seen == {"Alice": 200, "Carol": 200, "Bob": 404, "Dora": 404}
