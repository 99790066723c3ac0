"""alice reports a loss, page by page; whatever she does, it is one claim and nothing she typed is lost."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from anchoring.models import Entry
from claims import files
from claims.actions import claim as actions
from claims.fnol import MAX_ITEMS
from claims.models import Claim, ClaimDraft, Document
from claims.numbers import parse_number
from tests import people
from tests.people import PNG

pytestmark = pytest.mark.django_db
WHAT = {"cause_code": "baggage_stolen", "description": "My bag was taken from the train."}
ITEMS = {"rows": "2", "item_1": "Camera", "amount_1": "450", "item_2": "Bag", "amount_2": "80.50"}
PAYMENT = {"account_name": "Alice Adams", "account_number": "IE29 AIBK 9311 5212 3456 78"}


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


@pytest.fixture
def browser(alice, client) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def draft(browser, cover) -> ClaimDraft:
    browser.post(reverse("claim-start", args=[cover.number]))
    return ClaimDraft.objects.get()


def page(draft: ClaimDraft, step: str) -> str:
    return reverse("claim-draft", kwargs={"pk": draft.pk, "step": step})


def when() -> dict[str, str]:
    today = timezone.now().date()
    return {
        "loss_on_0": str(today.day), "loss_on_1": str(today.month), "loss_on_2": str(today.year),
        "loss_time": "", "place": "Lisbon",
    }  # fmt: skip


def fill(browser: Client, draft: ClaimDraft) -> None:
    """Every page, as a person who makes no mistakes."""
    for step, typed in {
        "what-happened": WHAT, "when-and-where": when(), "items": ITEMS, "evidence": {"seen": "yes"},
        "payment": PAYMENT,
    }.items():  # fmt: skip
        assert browser.post(page(draft, step), typed).status_code == 302


def send(browser: Client, draft: ClaimDraft, **typed: str):
    return browser.post(reverse("claim-draft-send", args=[draft.pk]), {"is_true": "on"} | typed)


def picture(name: str = "receipt.png", extra: bytes = b"") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, PNG + extra)


def test_alice_goes_from_page_to_page_checks_her_answers_and_sends_the_claim(browser, draft, alice) -> None:
    steps = [("what-happened", WHAT), ("when-and-where", when()), ("items", ITEMS)]
    following = ["when-and-where", "items", "evidence", "payment", "check"]
    for (step, typed), then in zip(steps, following, strict=False):
        assert browser.post(page(draft, step), typed).url == page(draft, then)
    uploaded = browser.post(page(draft, "evidence"), {"seen": "yes", "uploads": [picture(), picture("b.png", b"x")]})
    assert uploaded.url == page(draft, "payment")
    assert browser.post(page(draft, "payment"), PAYMENT).url == page(draft, "check")
    shown = browser.get(page(draft, "check")).content.decode()
    expected = ["My baggage or something in it was stolen", "€530.50", "IE29 AIBK 9311 5212 3456 78", "receipt.png"]
    assert [text for text in expected if text not in shown] == []
    sent = send(browser, draft)
    claim = Claim.objects.get()
    assert sent.url == reverse("claim", args=[claim.number])
    assert parse_number(claim.number, series="CLM").series == "CLM"
    assert (claim.claimed_minor, claim.currency, claim.loss_precision, claim.status) == (
        53_050, "EUR", "day", "submitted",
    )  # fmt: skip
    assert claim.unseal() == {
        "place": "Lisbon", "description": WHAT["description"], "account_name": "Alice Adams",
        "account_number": "IE29AIBK93115212345678",
    }  # fmt: skip
    assert list(claim.documents.order_by("received_at").values_list("name", flat=True)) == ["receipt.png", "b.png"]
    assert Entry.objects.filter(kind="claim.submitted").count() == 1
    assert ClaimDraft.objects.count() == 0


def test_sent_twice_and_with_the_back_button_it_stays_one_claim(browser, draft) -> None:
    fill(browser, draft)
    first = send(browser, draft)
    addresses = [page(draft, step) for step in ("what-happened", "check")]
    addresses += [reverse("claim-draft-send", args=[draft.pk]), reverse("claim-draft-discard", args=[draft.pk])]
    assert {browser.get(address).url for address in addresses} == {first.url}
    assert send(browser, draft).url == first.url
    assert browser.post(page(draft, "items"), ITEMS).url == first.url
    assert Claim.objects.count() == Entry.objects.filter(kind="claim.submitted").count() == 1


def test_a_draft_loaded_before_the_other_click_won_gives_the_same_claim(alice, cover) -> None:
    draft = actions.start_draft(by=alice, policy=cover)
    told = {"by": alice, "policy": cover, "fnol": people.loss(), "idempotency_key": str(draft.pk), "draft": draft}
    assert actions.submit_claim(**told).pk == actions.submit_claim(**told).pk


@pytest.mark.parametrize(
    ("step", "first"),
    [("when-and-where", "what-happened"), ("payment", "what-happened"), ("check", "what-happened")],
)
def test_pages_out_of_order_lead_to_the_first_that_lacks_something(browser, draft, step, first) -> None:
    assert browser.get(page(draft, step)).url == page(draft, first)
    assert send(browser, draft).url == page(draft, first)
    browser.post(page(draft, "what-happened"), WHAT)
    assert browser.get(page(draft, "check")).url == page(draft, "when-and-where")


def test_what_was_typed_is_there_again_on_the_page(browser, draft) -> None:
    browser.post(page(draft, "what-happened"), WHAT)
    shown = browser.get(page(draft, "what-happened")).content.decode()
    assert (WHAT["description"] in shown, 'value="baggage_stolen"' in shown, "There is a problem" in shown) == (
        True, True, False,
    )  # fmt: skip
    assert browser.get(page(draft, "when-and-where")).status_code == 200


def test_a_page_changed_from_the_check_leads_back_to_it(browser, draft) -> None:
    fill(browser, draft)
    changed = browser.post(page(draft, "what-happened") + "?change=1", WHAT | {"description": "It was the tram."})
    assert changed.url == page(draft, "check")
    assert "It was the tram." in browser.get(changed.url).content.decode()


def test_errors_are_summed_up_in_the_title_and_the_wrong_input_is_kept(browser, draft) -> None:
    answer = browser.post(page(draft, "what-happened"), {"cause_code": "airport_theft", "description": "Still here"})
    shown = answer.content.decode()
    expected = ["<title>Error: What happened", "There is a problem", "Choose what happened", "Still here"]
    assert [text for text in expected if text not in shown] == []
    assert draft.unseal() == {}


def test_without_a_script_rows_come_and_go_and_keep_what_was_typed(browser, draft) -> None:
    browser.post(page(draft, "what-happened"), WHAT)
    browser.post(page(draft, "when-and-where"), when())
    more = browser.post(page(draft, "items"), {"rows": "1", "item_1": "Camera", "amount_1": "-5", "add": "1"})
    assert more.url == page(draft, "items") + "#row-2"
    shown = browser.get(page(draft, "items"))
    assert (shown.context["form"].row_count, 'value="-5"' in shown.content.decode()) == (2, True)
    less = browser.post(page(draft, "items"), ITEMS | {"remove": "1"})
    assert less.url == page(draft, "items")
    kept = ClaimDraft.objects.get().unseal()["items"]
    assert kept == {"rows": "1", "item_1": "Bag", "amount_1": "80.50"}
    # the first submit button is the one that Enter presses: it must not remove a row
    content = browser.get(page(draft, "items")).content.decode()
    assert content.index('type="submit" tabindex="-1"') < content.index('name="add"')


def test_rows_without_end_are_refused(browser, draft) -> None:
    browser.post(page(draft, "what-happened"), WHAT)
    browser.post(page(draft, "when-and-where"), when())
    browser.post(page(draft, "items"), {"rows": str(MAX_ITEMS), "add": "1"})
    shown = browser.get(page(draft, "items"))
    assert (shown.context["form"].row_count, 'name="add"' in shown.content.decode()) == (MAX_ITEMS, False)


def test_the_largest_claim_that_the_pages_allow_can_be_sent(browser, draft) -> None:
    fill(browser, draft)
    rows = {f"item_{n}": "x" * 200 for n in range(1, MAX_ITEMS + 1)} | {
        f"amount_{n}": "1" for n in range(1, MAX_ITEMS + 1)
    }
    browser.post(page(draft, "items"), rows | {"rows": str(MAX_ITEMS)})
    browser.post(page(draft, "what-happened"), WHAT | {"description": "\u767a" * 2000})
    uploads = [picture(f"{n}" + "y" * 100 + ".png", bytes([n])) for n in range(actions.MAX_FILES)]
    browser.post(page(draft, "evidence"), {"seen": "yes", "uploads": uploads})
    assert send(browser, draft).url == reverse("claim", args=[Claim.objects.get().number])
    assert (Claim.objects.get().lines.count(), Claim.objects.get().documents.count()) == (MAX_ITEMS, actions.MAX_FILES)


# --- Files ---


@pytest.fixture
def at_evidence(browser, draft) -> ClaimDraft:
    for step, typed in (("what-happened", WHAT), ("when-and-where", when()), ("items", ITEMS)):
        browser.post(page(draft, step), typed)
    return draft


def test_files_are_kept_with_size_and_fingerprint_and_can_be_removed(
    browser, at_evidence, django_capture_on_commit_callbacks
) -> None:
    answer = browser.post(page(at_evidence, "evidence"), {"seen": "yes", "upload": "1", "uploads": [picture()]})
    assert answer.url == page(at_evidence, "evidence")
    shown = browser.get(answer.url).content.decode()
    kept = Document.objects.get(draft=at_evidence)
    assert ("receipt.png" in shown, "69\xa0bytes" in shown, kept.sha256[:4] in shown) == (True, True, True)
    gone = reverse("draft-file-remove", args=[at_evidence.pk, kept.pk])
    assert browser.get(gone).status_code == 405
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.post(gone).url == page(at_evidence, "evidence")
        assert browser.post(gone).url == page(at_evidence, "evidence")
    assert Document.objects.filter(draft=at_evidence).count() == 0
    with pytest.raises(FileNotFoundError):
        files.content_of(owner=kept.owner, document_id=kept.pk)


def test_good_files_are_kept_though_others_beside_them_are_refused(browser, at_evidence) -> None:
    uploads = [picture(), picture("lie.pdf"), SimpleUploadedFile("empty.png", b""), picture("same.png")]
    shown = browser.post(page(at_evidence, "evidence"), {"seen": "yes", "uploads": uploads})
    assert shown.context["form"].errors["uploads"] == [
        "“lie.pdf” is named like a PDF, but it is a picture. Rename it or save it again, then send it.",
        "“empty.png” is empty. Check that it opens on your device, then choose it again.",
    ]
    assert list(Document.objects.filter(draft=at_evidence).values_list("name", flat=True)) == ["receipt.png"]
    assert "evidence" not in at_evidence.unseal()


def test_one_file_more_than_a_claim_can_hold_is_refused(browser, at_evidence) -> None:
    uploads = [picture(f"{n}.png", bytes([n])) for n in range(actions.MAX_FILES + 1)]
    shown = browser.post(page(at_evidence, "evidence"), {"seen": "yes", "uploads": uploads})
    assert shown.context["form"].errors["uploads"] == ["A claim can hold 20 files. Send the most telling ones."]
    assert Document.objects.filter(draft=at_evidence).count() == actions.MAX_FILES


def test_a_name_with_path_parts_loses_them(browser, at_evidence) -> None:
    browser.post(page(at_evidence, "evidence"), {"seen": "yes", "uploads": [picture("..\\..\\receipt.png")]})
    assert Document.objects.get(draft=at_evidence).name == "receipt.png"


def test_a_file_of_another_s_draft_is_not_touched(browser, at_evidence, bob, alice) -> None:
    browser.post(page(at_evidence, "evidence"), {"seen": "yes", "uploads": [picture()]})
    kept = Document.objects.get(draft=at_evidence)
    browser.force_login(bob)
    assert browser.post(reverse("draft-file-remove", args=[at_evidence.pk, kept.pk])).status_code == 404
    assert Document.objects.filter(pk=kept.pk).count() == 1


def test_a_file_that_went_to_the_claim_is_not_thrown_away_by_a_late_click(
    browser, at_evidence, alice, django_capture_on_commit_callbacks
) -> None:
    browser.post(page(at_evidence, "evidence"), {"seen": "yes", "uploads": [picture()]})
    before = Document.objects.get(draft=at_evidence)
    stale = ClaimDraft.objects.get()
    send(browser, at_evidence)
    with django_capture_on_commit_callbacks(execute=True):
        actions.remove_draft_file(by=alice, document=before)
        actions.discard_draft(by=alice, draft=stale)
    assert files.content_of(owner=before.owner, document_id=before.pk) == PNG
    assert Claim.objects.get().documents.count() == 1


# --- Drafts themselves ---


def test_the_start_page_offers_the_policies_and_the_drafts_to_go_on_with(browser, draft, cover) -> None:
    shown = browser.get(reverse("claim-start")).content.decode()
    expected = [cover.number, page(draft, "check"), reverse("claim-draft-discard", args=[draft.pk])]
    assert [text for text in expected if text not in shown] == []
    assert browser.get(reverse("claim-start", args=[cover.number])).status_code == 200


def test_without_a_policy_the_start_page_says_so(client, bob) -> None:
    client.force_login(bob)
    assert "You have no policy yet" in client.get(reverse("claim-start")).content.decode()


def test_a_blank_draft_is_taken_up_again_and_a_written_one_is_not(browser, draft, cover) -> None:
    start = reverse("claim-start", args=[cover.number])
    assert browser.post(start).url == page(draft, "what-happened")
    browser.post(page(draft, "what-happened"), WHAT)
    assert browser.post(start).url != page(draft, "what-happened")
    assert ClaimDraft.objects.count() == 2


def test_a_draft_is_thrown_away_only_after_a_question(browser, draft) -> None:
    browser.post(page(draft, "what-happened"), WHAT)
    address = reverse("claim-draft-discard", args=[draft.pk])
    assert "Throw this draft away?" in browser.get(address).content.decode()
    assert ClaimDraft.objects.count() == 1
    assert browser.post(address).url == reverse("claim-start")
    assert (ClaimDraft.objects.count(), browser.get(page(draft, "what-happened")).status_code) == (0, 404)


def test_the_claim_must_be_said_to_be_true(browser, draft) -> None:
    fill(browser, draft)
    shown = browser.post(reverse("claim-draft-send", args=[draft.pk]), {})
    assert shown.context["form"].errors == {"is_true": ["Confirm that what you say is complete and true."]}
    assert Claim.objects.count() == 0


def test_a_loss_that_is_no_longer_covered_when_it_is_sent_leads_back_to_its_page(browser, draft, cover) -> None:
    fill(browser, draft)
    type(cover).objects.filter(pk=cover.pk).update(
        starts_at=timezone.now() - timedelta(days=9), ends_at=timezone.now() - timedelta(days=2)
    )
    assert send(browser, draft).url == page(draft, "when-and-where")
    assert Claim.objects.count() == 0


@pytest.mark.parametrize("step", ["what-happened", "check"])
def test_a_session_that_expired_leads_to_sign_in_and_back_to_the_page_with_the_draft_kept(
    browser, draft, alice, step
) -> None:
    fill(browser, draft)
    browser.logout()
    asked = browser.post(page(draft, step), WHAT)
    assert asked.url == reverse("account_login") + "?next=" + page(draft, step)
    back = browser.post(asked.url, {"login": alice.email, "password": people.PASSWORD, "next": page(draft, step)})
    assert back.url == page(draft, step)
    assert WHAT["description"] in browser.get(back.url).content.decode()


def test_signed_in_again_on_the_way_to_sending_alice_checks_her_answers(browser, draft) -> None:
    fill(browser, draft)
    assert browser.get(reverse("claim-draft-send", args=[draft.pk])).url == page(draft, "check")
    assert Claim.objects.count() == 0


def test_bob_finds_nothing_of_alice_s(browser, draft, cover, bob) -> None:
    fill(browser, draft)
    browser.force_login(bob)
    addresses = [page(draft, "what-happened"), page(draft, "check"), reverse("claim-draft-send", args=[draft.pk])]
    addresses += [reverse("claim-draft-discard", args=[draft.pk]), reverse("claim-start", args=[cover.number])]
    assert [browser.post(address, {"is_true": "on"}).status_code for address in addresses] == [404] * 5
    assert browser.get(page(ClaimDraft(pk=uuid.uuid4()), "check")).status_code == 404


def test_staff_find_no_drafts(browser, draft, dora, frank) -> None:
    for member in (dora, frank):
        browser.force_login(member)
        assert browser.get(page(draft, "what-happened")).status_code == 404


def test_a_page_that_does_not_exist_is_not_found(browser, draft) -> None:
    fill(browser, draft)
    assert browser.get(page(draft, "nonsense")).status_code == 404


def test_a_form_without_its_token_is_refused(alice, cover) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(reverse("claim-start", args=[cover.number])).status_code == 403
    assert ClaimDraft.objects.count() == 0
