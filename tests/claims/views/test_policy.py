"""A policy's page, document, ladder and proof, for those whom they concern."""

import io
import json
import re

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from anchoring import log, vault, verify
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from claims import checkout
from claims.actions.policy import Term, take_over_policy
from claims.catalogue import product
from claims.gateway import TestGateway
from claims.models import Document, Policy
from claims.workflow import subject_of
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def cover(alice, carol) -> Policy:
    people.verify(alice, officer=carol)
    return checkout.buy(by=alice, quote=people.quote_for(alice), card="test-pays", gateway=TestGateway())


@pytest.fixture
def browser(client, alice) -> Client:
    client.force_login(alice)
    return client


def at(cover: Policy, name: str = "policy") -> str:
    return reverse(name, args=[cover.number])


def words(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


NAMES = ("policy", "policy-document", "policy-proof", "policy-certificate", "policy-ladder")


@pytest.mark.parametrize("name", NAMES)
def test_strangers_find_nothing_and_the_signed_out_are_asked_to_sign_in(client, bob, cover, name) -> None:
    assert client.get(at(cover, name)).url == f"/accounts/login/?next={at(cover, name)}"
    client.force_login(bob)
    assert client.get(at(cover, name)).status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_the_pages_are_for_reading(browser, cover, name) -> None:
    assert browser.post(at(cover, name)).status_code == 405


def test_alice_reads_who_is_covered_for_what_and_until_when(browser, cover) -> None:
    text = words(browser.get(at(cover)))
    assert cover.number in text and "Alice Adams" in text and "Covers you now" in text and "€54.49" in text
    assert f"{cover.last_day:%-d %b %Y}, to its end (UTC)" in text
    assert [c.name for c in cover.product.coverages if c.name not in text] == []
    fingerprint = cover.trust_fingerprint
    groups = [fingerprint[place : place + 4] for place in range(0, 64, 4)]
    assert " ".join(groups) in text


def test_the_history_tells_the_way_to_the_policy(browser, cover) -> None:
    titles = [line.title for line in browser.get(at(cover)).context["timeline"]]
    assert titles[:2] == ["We gave you a price", "You started the payment"]
    assert sorted(titles[2:]) == ["We issued your policy", "You accepted the price", "Your payment arrived"]


def test_a_loss_is_reported_by_a_button(browser, cover) -> None:
    html = browser.get(at(cover)).content.decode()
    assert f'<form method="post" action="{reverse("claim-start", args=[cover.number])}">' in html


def test_the_document_is_the_one_that_was_issued(browser, cover) -> None:
    answer = browser.get(at(cover, "policy-document"))
    assert answer.content.startswith(b"%PDF-")
    assert log.history(subject_of(cover))[0].facts["document.sha256"] == Document.objects.get(policy=cover).sha256
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/pdf", "nosniff")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert f"{cover.number}.pdf" in answer["Content-Disposition"]
    assert answer["Content-Disposition"].startswith("attachment")


def test_once_the_key_is_destroyed_the_document_is_gone_and_the_page_says_so(browser, cover) -> None:
    vault.destroy(cover.party.owner)
    answer = browser.get(at(cover, "policy-document"))
    assert (answer.status_code, "The content was erased" in words(answer)) == (410, True)


def test_the_ladder_climbs_while_alice_watches(browser, cover) -> None:
    seen = browser.get(at(cover)).context["watch"].seen
    assert seen == "RRRRR"
    assert browser.get(at(cover, "policy-ladder"), {"seen": seen}).status_code == 204
    sequencer.sequence()
    answer = browser.get(at(cover, "policy-ladder"), {"seen": seen})
    html = answer.content.decode()
    assert (html.count('hx-swap-oob="true"'), "5 records: 5 sealed" in html, "seen=SSSSS" in html) == (10, True, True)
    assert browser.get(at(cover, "policy-ladder"), {"seen": "SSSSS"}).status_code == 204


@pytest.mark.parametrize("seen", ["", "R", "R" * 99])
def test_a_page_that_has_missed_an_event_is_loaded_anew(browser, cover, seen) -> None:
    assert browser.get(at(cover, "policy-ladder"), {"seen": seen})["HX-Refresh"] == "true"


def test_alice_downloads_a_proof_that_the_verifier_accepts(browser, cover) -> None:
    sequencer.sequence()
    answer = browser.get(at(cover, "policy-proof"))
    assert answer["Content-Disposition"] == f'attachment; filename="{cover.number}.proof.json"'
    assert answer["Content-Type"] == "application/json"
    assert verify.verify(answer.content, trust_file()).exit_code == 3  # sealed, not yet anchored
    assert json.loads(answer.content)["entries"]


def test_the_proof_shows_each_reader_what_concerns_them(client, alice, frank, cover) -> None:
    client.force_login(alice)
    hers = json.loads(client.get(at(cover, "policy-proof")).content)
    client.force_login(frank)
    whole = json.loads(client.get(at(cover, "policy-proof")).content)
    assert len(hers["entries"]) == len(whole["entries"]) == 1
    assert len(hers["entries"][0]["disclosures"]) == len(whole["entries"][0]["disclosures"])


def test_compliance_taking_a_proof_out_of_the_house_is_recorded(client, alice, frank, cover) -> None:
    for user in (alice, frank):
        client.force_login(user)
        client.get(at(cover, "policy-proof"))
    assert log.Entry.objects.filter(kind="proof.exported").count() == 1
    client.get(at(cover, "policy-certificate"))
    assert log.Entry.objects.filter(kind="proof.exported").count() == 2


def test_the_certificate_stands_beside_the_proof_and_carries_the_same_file(browser, cover) -> None:
    page = browser.get(at(cover)).content.decode()
    assert (at(cover, "policy-certificate") in page, reverse("api-policy-proof", args=[cover.number]) in page) == (
        True, True,
    )  # fmt: skip
    answer = browser.get(at(cover, "policy-certificate"))
    assert (answer["Content-Disposition"], answer["Content-Type"]) == (
        f'attachment; filename="{cover.number}.certificate.pdf"', "application/pdf",
    )  # fmt: skip
    proof = browser.get(at(cover, "policy-proof")).content
    assert PdfReader(io.BytesIO(answer.content)).attachments == {f"{cover.number}.proof.json": [proof]}


def test_other_staff_read_the_policy_at_their_desk_and_get_no_proof(client, dora, cover) -> None:
    client.force_login(dora)
    assert client.get(at(cover)).url == reverse("admin:claims_policy_change", args=[cover.pk])
    for name in ("policy-proof", "policy-certificate"):
        assert client.get(at(cover, name)).status_code == 404


def test_a_policy_taken_over_has_a_history_without_price_or_document(client, uma) -> None:
    begins = people.noon(people.BORN)
    taken = take_over_policy(
        by=uma, holder_name="Holder 1", product=product("airport-baggage-us-1"), external_ref="tsa-1",
        term=Term(begins, begins.replace(year=2030)), trust_fingerprint="f" * 64,
    )  # fmt: skip
    client.force_login(uma)
    assert client.get(at(taken, "policy-ladder"), {"seen": "R"}).status_code == 204
    assert client.get(at(taken, "policy-document")).status_code == 404
