"""dora works through the queue; what she sees, what she decides, and what is refused her."""

import io
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from anchoring import log, vault
from anchoring.log import Subject
from anchoring.models import Entry
from anchoring.seal import sequencer
from claims.actions import adjusting
from claims.admin.claims import ClaimAdmin
from claims.forms.staff import PayForm
from claims.models import Claim, ClaimDecision, ClaimPayment, Policy
from claims.workflow import subject_of
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


@pytest.fixture
def claim(alice, cover) -> Claim:
    return people.file_claim(alice, cover, 60_000)


@pytest.fixture
def taken(dora, claim) -> Claim:
    return adjusting.take_claim(by=dora, claim=claim)


def page(claim: Claim) -> str:
    return reverse("admin:claims_claim_change", args=[claim.pk])


def step(claim: Claim, name: str) -> str:
    return reverse("admin:claims_claim_step", args=[claim.pk, name])


def words(answer) -> str:
    """The page's text with its spaces evened out."""
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text)


def kinds(claim: Claim) -> list[str]:
    return [event.kind for event in log.history(subject_of(claim))]


def refusals(claim: Claim) -> list[str]:
    return [str(event.facts["reason"]) for event in log.history(Subject("refusal", str(claim.pk)))]


def decline(**changes) -> dict[str, str]:
    given = {
        "outcome": "declined", "reason_code": "EXCLUSION", "provision_ref": "5.3",
        "rationale": "The bag was left alone on the platform.",
    }  # fmt: skip
    return given | changes


# --- The queue ------------------------------------------------------------------------------------------------------


def test_the_queue_shows_who_claims_what_and_how_far_each_record_has_come(client, dora, claim) -> None:
    client.force_login(dora)
    row = words(client.get(reverse("admin:claims_claim_changelist"))).partition(claim.number)[2]
    for shown in ("Alice Adams", "Received", "€600.00", "Today decide by", "Nobody yet", "Recorded"):
        assert shown in row, shown


def test_the_queue_asks_as_often_for_three_claims_as_for_one(client, dora, alice, cover, claim) -> None:
    client.force_login(dora)
    address = reverse("admin:claims_claim_changelist")
    client.get(address)
    with CaptureQueriesContext(connection) as for_one:
        client.get(address)
    for key in ("second", "third"):
        people.file_claim(alice, cover, 10_000, key=key)
    with CaptureQueriesContext(connection) as for_three:
        client.get(address)
    assert len(for_three) == len(for_one)
    assert len(for_one) <= 10


def _numbers(answer) -> list[str]:
    return [claim.number for claim in answer.context["cl"].result_list]


def test_the_queue_is_what_is_open_and_narrows_to_mine_nobody_s_and_a_cause(client, dora, alice, cover, claim) -> None:
    second = people.file_claim(alice, cover, 10_000, key="second")
    third = people.file_claim(alice, cover, 20_000, key="third")
    adjusting.take_claim(by=dora, claim=second)
    people.accept_in_full(third, by=dora)
    client.force_login(dora)
    address = reverse("admin:claims_claim_changelist")
    found = {query: _numbers(client.get(address + query)) for query in (
        "", "?handler=me", "?handler=nobody", "?status=decided", "?status=all", "?cause=baggage_lost",
        "?status=nonsense", f"?q={second.number}", "?q=adams",
    )}  # fmt: skip
    assert found == {
        "": [claim.number, second.number], "?handler=me": [second.number], "?handler=nobody": [claim.number],
        "?status=decided": [third.number], "?status=all": [claim.number, second.number, third.number],
        "?cause=baggage_lost": [], "?status=nonsense": [claim.number, second.number],
        f"?q={second.number}": [second.number], "?q=adams": [claim.number, second.number],
    }  # fmt: skip


def test_finance_sees_first_what_is_to_be_paid(client, dora, grace, alice, cover, claim) -> None:
    people.accept_in_full(claim, by=dora)
    declined = people.file_claim(alice, cover, 10_000, key="second")
    adjusting.take_claim(by=dora, claim=declined)
    verdict = adjusting.Verdict("declined", 0, "Left alone.", "EXCLUSION", "5.3")
    adjusting.decide_claim(by=dora, claim=declined, verdict=verdict)
    client.force_login(grace)
    address = reverse("admin:claims_claim_changelist")
    assert _numbers(client.get(address)) == [claim.number]
    assert _numbers(client.get(address + "?status=all")) == [claim.number, declined.number]


def test_a_late_claim_says_so_in_words(client, dora, claim, time_machine) -> None:
    time_machine.move_to(claim.reported_at.replace(year=claim.reported_at.year + 1))
    client.force_login(dora)
    assert "Late since" in words(client.get(reverse("admin:claims_claim_changelist")))


# --- The case -------------------------------------------------------------------------------------------------------


def test_the_case_shows_what_was_reported_and_hides_the_account_from_all_but_finance(
    client, dora, grace, claim
) -> None:
    client.force_login(dora)
    text = words(client.get(page(claim)))
    for shown in ("My bag was taken from the train.", "Lisbon", "receipt.png", claim.policy.number, "•••• 5678"):
        assert shown in text, shown
    assert "IE29" not in text
    people.accept_in_full(claim, by=dora)
    client.force_login(grace)
    text = words(client.get(page(claim)))
    assert "IE29 AIBK 9311 5212 3456 78" in text
    assert "Coverage check" not in text


def test_the_advice_shows_what_the_terms_would_pay_step_by_step(client, dora, taken) -> None:
    client.force_login(dora)
    text = words(client.get(page(taken)))
    assert "The terms would pay €225.00" in text
    assert "Thing 1: at most €300.00 for one item Clause 4.3 −€300.00" in text
    assert "It advises, you decide." in text


def test_the_buttons_are_the_steps_of_the_workflow_s_table(client, dora, erin, frank, claim) -> None:
    def offered(user) -> list[str]:
        client.force_login(user)
        return [offer.name for offer in client.get(page(claim)).context["offers"]]

    assert (offered(dora), offered(frank)) == (["take"], [])
    adjusting.take_claim(by=dora, claim=claim)
    assert (offered(dora), offered(erin)) == (["decide"], [])
    adjusting.decide_claim(by=dora, claim=claim, verdict=adjusting.Verdict("accepted", 60_000, "Covered."))
    assert (offered(dora), offered(erin)) == ([], [])


def test_nobody_works_on_their_own_case_or_reads_its_advice(client, carol, dora) -> None:
    claim = people.file_claim(dora, people.insured(dora, officer=carol), 25_000)
    client.force_login(dora)
    answer = client.get(page(claim))
    assert (answer.context["offers"], answer.context["advice"]) == ([], None)
    assert "This is your own case" in words(answer)
    refused = client.post(step(claim, "take"))
    assert "Nobody may work on their own case." in words(refused)
    assert (refusals(claim), kinds(claim)) == (["Nobody may work on their own case."], ["claim.submitted"])


def test_what_was_erased_is_said_to_be_erased(client, dora, claim) -> None:
    vault.destroy(claim.owner)
    client.force_login(dora)
    answer = client.get(page(claim))
    assert answer.status_code == 200
    assert "The content was erased." in words(answer)


DAMAGED = "This copy does not match what was recorded. Do not rely on it; tell compliance."


def tamper(thing) -> None:
    """Somebody changes one byte of what lies sealed, past the application."""
    kept = bytes(thing.sealed)
    type(thing).objects.filter(pk=thing.pk).update(sealed=kept[:-1] + bytes([kept[-1] ^ 1]))


def test_what_was_tampered_with_is_not_shown_and_says_so_to_all_who_read_the_case(client, dora, frank, claim) -> None:
    tamper(claim)
    for reader in (dora, frank):
        client.force_login(reader)
        answer = client.get(page(claim))
        assert (answer.status_code, DAMAGED in words(answer), claim.number in words(answer)) == (200, True, True)
        assert answer.context["told"] == {"damaged": DAMAGED}


@pytest.mark.parametrize(
    ("spoil", "notice"),
    [(tamper, DAMAGED), (lambda claim: vault.destroy(claim.owner), "The content was erased.")],
    ids=["tampered", "erased"],
)
def test_grace_is_told_when_the_account_to_pay_to_is_unreliable(client, dora, grace, claim, spoil, notice) -> None:
    people.accept_in_full(claim, by=dora)
    spoil(claim)
    client.force_login(grace)
    answer = client.get(step(claim, "pay"))
    assert (answer.status_code, answer.context["account"]) == (200, None)
    assert notice in words(answer).partition("Where to pay")[2]
    assert "IE29" not in words(answer)


def test_each_opening_of_a_case_is_recorded_and_the_asking_for_news_is_not(client, dora, frank, claim) -> None:
    client.force_login(dora)
    client.get(page(claim))
    client.get(reverse("admin:claims_claim_events", args=[claim.pk]) + "?seen=R")
    client.force_login(frank)
    text = words(client.get(page(claim)))
    looks = log.history(Subject("access", str(claim.pk)))
    assert [(e.kind, e.facts["by.role"], e.facts["purpose"], e.facts["number"], e.facts["by"]) for e in looks] == [
        ("record.opened", "adjuster", "To handle the claim", claim.number, str(dora.person)),
        ("record.opened", "compliance", "To oversee", claim.number, str(frank.person)),
    ]
    assert "Dora, adjuster Case opened by a member of staff To handle the claim" in text
    mine = log.history(Subject("access", str(claim.pk)), owners=[claim.owner, vault.HOUSE])
    assert "by" not in mine[0].facts


def test_the_ladder_climbs_by_itself(client, dora, claim) -> None:
    client.force_login(dora)
    address = reverse("admin:claims_claim_events", args=[claim.pk])
    assert f'hx-get="{address}?seen=R"' in client.get(page(claim)).content.decode()
    assert client.get(address + "?seen=R").status_code == 204
    sequencer.sequence()
    risen = client.get(address + "?seen=R")
    assert "1 of 1 events sealed, 0 of 1 anchored." in words(risen)
    assert re.findall(r'id="([\w-]+)" hx-swap-oob', risen.content.decode()) == [
        "rungs-newest", f"ladder-{log.history(subject_of(claim))[0].id}",
    ]  # fmt: skip
    adjusting.take_claim(by=dora, claim=claim)
    assert client.get(address + "?seen=S").headers["HX-Refresh"] == "true"


# --- Proofs ---------------------------------------------------------------------------------------------------------


def test_compliance_downloads_proofs_and_that_is_recorded(client, frank, dora, taken) -> None:
    client.force_login(frank)
    second = log.history(subject_of(taken))[1].id
    whole = client.get(reverse("admin:claims_claim_proof", args=[taken.pk]))
    one = client.get(reverse("admin:claims_claim_event_proof", args=[taken.pk, second]))
    assert whole.content == log.proof(subject_of(taken), owners=None)
    assert one.content == log.proof(subject_of(taken), owners=None, entries=[second])
    assert whole.headers["Content-Disposition"] == f'attachment; filename="{taken.number}.proof.json"'
    looks = log.history(Subject("access", str(taken.pk)))
    assert [(event.kind, event.facts["event"]) for event in looks] == [
        ("proof.exported", "all"), ("proof.exported", str(second)),
    ]  # fmt: skip


def test_compliance_downloads_certificates_from_the_case_and_that_is_recorded(client, frank, taken) -> None:
    client.force_login(frank)
    second = log.history(subject_of(taken))[1].id
    whole = reverse("admin:claims_claim_certificate", args=[taken.pk])
    one = reverse("admin:claims_claim_event_certificate", args=[taken.pk, second])
    shown = client.get(page(taken)).content.decode()
    assert (whole in shown, one in shown, reverse("api-claim-proof", args=[taken.number]) in shown) == (True,) * 3
    answer = client.get(whole)
    assert (answer.headers["Content-Disposition"], answer.headers["Content-Type"]) == (
        f'attachment; filename="{taken.number}.certificate.pdf"', "application/pdf",
    )  # fmt: skip
    assert PdfReader(io.BytesIO(answer.content)).attachments == {
        f"{taken.number}.proof.json": [log.proof(subject_of(taken), owners=None)]
    }
    assert list(PdfReader(io.BytesIO(client.get(one).content)).attachments) == [
        f"{taken.number}.{str(second)[:8]}.proof.json"
    ]
    looks = log.history(Subject("access", str(taken.pk)))
    exports = [event.facts["event"] for event in looks if event.kind == "proof.exported"]
    assert exports == ["all", str(second)]


def test_who_gets_no_proof_is_offered_none(client, dora, taken) -> None:
    client.force_login(dora)
    shown = client.get(page(taken)).content.decode()
    assert ("certificate.pdf" in shown, "--refresh" in shown) == (False, False)


def test_nobody_else_gets_a_proof_here_and_an_unknown_event_has_none(client, frank, dora, claim) -> None:
    forms = ("proof", "certificate")
    client.force_login(dora)
    for form in forms:
        assert client.get(reverse(f"admin:claims_claim_{form}", args=[claim.pk])).status_code == 403
    client.force_login(frank)
    for form in forms:
        address = reverse(f"admin:claims_claim_event_{form}", args=[claim.pk, claim.pk])
        assert client.get(address).status_code == 404
    assert not Entry.objects.filter(kind="proof.exported").exists()


# --- Steps ----------------------------------------------------------------------------------------------------------


def test_dora_takes_a_claim(client, dora, claim) -> None:
    client.force_login(dora)
    assert "You become its handler." in words(client.get(step(claim, "take")))
    answer = client.post(step(claim, "take"), follow=True)
    assert f"You are handling {claim.number} now." in words(answer)
    claim.refresh_from_db()
    assert (claim.status, claim.handler) == (Claim.Status.UNDER_REVIEW, dora)


def test_a_step_that_is_not_hers_is_explained_when_asked_for_and_recorded_when_tried(client, dora, claim) -> None:
    client.force_login(dora)
    sentence = "“Record the payment” is not possible now: it stands at “Received”."
    answer = client.get(step(claim, "pay"))
    assert (sentence in words(answer), b"<form class" in answer.content, refusals(claim)) == (True, False, [])
    answer = client.post(step(claim, "pay"), {"reference": "PAY-1"})
    assert (sentence in words(answer), refusals(claim)) == (True, [sentence])


def test_a_step_that_the_desk_does_not_take_is_not_found(client, dora, claim) -> None:
    client.force_login(dora)
    assert client.get(step(claim, "withdraw")).status_code == 404
    assert client.get(step(claim, "nonsense")).status_code == 404


def test_deciding_begins_with_the_outcome(client, dora, taken) -> None:
    client.force_login(dora)
    answer = client.get(step(taken, "decide"))
    assert answer.context["form"] is None
    assert re.findall(r'href="\?outcome=(\w+)"', answer.content.decode()) == [
        "accepted", "part_accepted", "declined",
    ]  # fmt: skip
    assert client.post(step(taken, "decide"), {"outcome": "maybe"}).context["form"] is None


def test_each_outcome_asks_for_what_it_needs_with_the_catalogue_s_reasons_for_it(client, dora, taken) -> None:
    client.force_login(dora)
    forms = {o: client.get(step(taken, "decide") + f"?outcome={o}").context["form"] for o in ClaimDecision.Outcome}
    assert {outcome: list(form.fields) for outcome, form in forms.items()} == {
        "accepted": ["outcome", "rationale"],
        "part_accepted": ["outcome", "amount", "reason_code", "provision_ref", "rationale"],
        "declined": ["outcome", "reason_code", "provision_ref", "rationale"],
    }
    part, declined = (dict(forms[o].fields["reason_code"].choices) for o in ("part_accepted", "declined"))
    assert ("DEDUCTIBLE" in part, "DEDUCTIBLE" in declined) == (True, False)
    assert ("WAITING_PERIOD" in part, "WAITING_PERIOD" in declined) == (False, True)
    assert (forms["part_accepted"].initial["reason_code"], forms["part_accepted"].initial["provision_ref"]) == (
        "ITEM_LIMIT", "4.3",
    )  # fmt: skip


def test_an_exclusion_rests_on_a_clause_that_excludes(client, dora, taken) -> None:
    client.force_login(dora)
    answer = client.post(step(taken, "decide"), decline(provision_ref="4.3"))
    assert "Clause 4.3 is not an exclusion of this policy. Choose its clause (5.1, 5.2," in words(answer)
    assert taken.decisions.count() == 0


def test_a_reason_brings_the_clause_that_the_terms_name_for_it(client, dora, taken) -> None:
    client.force_login(dora)
    client.post(step(taken, "decide"), decline(reason_code="NOT_INSURED_PERIL", provision_ref=""))
    taken.refresh_from_db()
    assert (taken.decision.reason_code, taken.decision.provision_ref) == ("NOT_INSURED_PERIL", "3.6")


def test_an_earlier_insurer_s_decision_is_a_reason_only_for_what_was_taken_over(client, dora, taken) -> None:
    def offers_it() -> bool:
        form = client.get(step(taken, "decide") + "?outcome=declined").context["form"]
        return "PRIOR_DECISION" in dict(form.fields["reason_code"].choices)

    client.force_login(dora)
    bought = offers_it()
    Policy.objects.filter(pk=taken.policy_id).update(external_ref="OLD-1")
    assert (bought, offers_it()) == (False, True)


def test_the_advice_stands_beside_the_amount_and_is_the_part_to_start_from(client, dora, erin, taken, proposed) -> None:
    client.force_login(dora)
    answer = client.get(step(taken, "decide") + "?outcome=part_accepted")
    assert "The terms would pay €225.00 : see why" in words(answer)
    assert f'href="{page(taken)}#advice"' in answer.content.decode()
    assert answer.context["form"].initial["amount"] == "225.00"
    assert "Pays €225.00 of €600.00 claimed" in words(answer)
    client.force_login(erin)
    assert "The terms would pay" in words(client.get(step(proposed, "approve")))


def test_dora_accepts_in_part_within_her_limit(client, dora, taken) -> None:
    client.force_login(dora)
    given = decline(outcome="part_accepted", amount="225", reason_code="ITEM_LIMIT", provision_ref="4.3")
    answer = client.post(step(taken, "decide"), given, follow=True)
    assert f"{taken.number} is decided." in words(answer)
    taken.refresh_from_db()
    made = taken.decision
    assert (taken.status, made.payable_minor, made.reason_code, made.provision_ref, made.proposed_by) == (
        Claim.Status.DECIDED, 22_500, "ITEM_LIMIT", "4.3", dora,
    )  # fmt: skip


def test_dora_accepts_in_full_without_naming_an_amount(client, dora, taken) -> None:
    client.force_login(dora)
    client.post(step(taken, "decide"), {"outcome": "accepted", "rationale": "All fits."})
    taken.refresh_from_db()
    assert (taken.status, taken.decision.payable_minor) == (Claim.Status.DECIDED, 60_000)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"provision_ref": ""}, "provision_ref", "Choose the clause that the decision rests on"),
        ({"provision_ref": "99.9"}, "provision_ref", "Select a valid choice"),
        ({"reason_code": ""}, "reason_code", "Choose the reason."),
        ({"reason_code": "DEDUCTIBLE"}, "reason_code", "Select a valid choice"),
        ({"rationale": "  "}, "rationale", "Say in your own words why"),
        ({"outcome": "part_accepted", "reason_code": "NO_PROOF", "amount": "600"}, "amount", "In part means less than"),
        ({"outcome": "part_accepted", "reason_code": "NO_PROOF", "amount": "0"}, "amount", ""),
        ({"outcome": "part_accepted", "reason_code": "NO_PROOF", "amount": "-5"}, "amount", ""),
        ({"outcome": "part_accepted", "reason_code": "NO_PROOF", "amount": "US$5"}, "amount", ""),
        ({"outcome": "part_accepted", "reason_code": "NO_PROOF"}, "amount", "Enter the amount to pay."),
    ],
)
def test_a_decision_that_says_too_little_stays_a_form(client, dora, taken, changes, field, sentence) -> None:
    client.force_login(dora)
    answer = client.post(step(taken, "decide"), decline(**changes))
    assert list(answer.context["form"].errors) == [field]
    assert sentence in answer.context["form"].errors[field][0]
    assert (taken.decisions.count(), kinds(taken)) == (0, ["claim.submitted", "claim.taken"])


@pytest.fixture
def large(alice, cover, dora) -> Claim:
    """A claim above dora's limit, taken by her."""
    return adjusting.take_claim(by=dora, claim=people.file_claim(alice, cover, 250_000, key="large"))


def test_above_her_limit_dora_is_told_before_and_only_proposes(client, dora, large) -> None:
    client.force_login(dora)
    before = words(client.get(step(large, "decide") + "?outcome=accepted"))
    assert "Alone you may decide up to €1,000.00. This is above it" in before
    answer = client.post(step(large, "decide"), decline(), follow=True)
    assert f"Your decision on {large.number} is proposed." in words(answer)
    large.refresh_from_db()
    assert (large.status, kinds(large)[-1]) == (Claim.Status.AWAITING_APPROVAL, "claim.decision_proposed")


def test_the_preview_says_what_will_be_recorded_and_records_nothing(client, dora, large) -> None:
    client.force_login(dora)
    address = reverse("admin:claims_claim_preview", args=[large.pk])
    entries = Entry.objects.count()
    within = words(client.post(address, decline(outcome="part_accepted", reason_code="NO_PROOF", amount="1000")))
    above = words(client.post(address, decline()))
    assert "Decided Outcome Accepted in part Pays €1,000.00 of €2,500.00 claimed" in within
    assert "This is within it" in within
    assert "Decision proposed for approval Outcome Declined Pays €0.00 of €2,500.00 claimed" in above
    assert "A decline counts as what was claimed, €2,500.00." in above
    assert "5.3 Baggage left unattended" in above
    assert client.post(address, {}).status_code == 405
    assert client.get(address).status_code == 405
    assert Entry.objects.count() == entries


@pytest.fixture
def proposed(dora, large) -> Claim:
    return adjusting.decide_claim(by=dora, claim=large, verdict=adjusting.Verdict("accepted", 250_000, "Covered."))


def test_erin_approves_and_the_case_names_both(client, erin, proposed) -> None:
    client.force_login(erin)
    assert "€2,500.00 of €2,500.00 claimed" in words(client.get(step(proposed, "approve")))
    client.post(step(proposed, "approve"))
    text = words(client.get(page(proposed)))
    assert "Proposed by Dora Approved by Erin" in text
    proposed.refresh_from_db()
    assert proposed.status == Claim.Status.DECIDED


def test_dora_cannot_approve_and_the_attempt_is_recorded(client, dora, proposed) -> None:
    client.force_login(dora)
    answer = client.post(step(proposed, "approve"))
    assert "Only someone with the role Supervisor may do this." in words(answer)
    assert refusals(proposed) == ["Only someone with the role Supervisor may do this."]
    proposed.refresh_from_db()
    assert proposed.status == Claim.Status.AWAITING_APPROVAL


def test_a_supervisor_cannot_approve_her_own_proposal(client, dora, erin, proposed) -> None:
    dora.role = "supervisor"
    dora.save(update_fields=["role"])
    client.force_login(dora)
    sentence = "You proposed this yourself: someone else must do the next step."
    assert client.get(page(proposed)).context["offers"] == []
    assert sentence in words(client.post(step(proposed, "approve")))
    assert refusals(proposed) == [sentence]


def test_erin_sends_back_with_a_reason(client, erin, proposed) -> None:
    client.force_login(erin)
    assert list(client.post(step(proposed, "send_back"), {"reason": " "}).context["form"].errors) == ["reason"]
    client.post(step(proposed, "send_back"), {"reason": "Ask for the police report."})
    proposed.refresh_from_db()
    assert proposed.status == Claim.Status.UNDER_REVIEW
    assert "Ask for the police report." in words(client.get(page(proposed)))


def test_grace_records_the_payment_once(client, dora, grace, alice, cover, claim) -> None:
    people.accept_in_full(claim, by=dora)
    second = people.file_claim(alice, cover, 10_000, key="second")
    people.accept_in_full(second, by=dora)
    client.force_login(grace)
    assert "IE29 AIBK 9311 5212 3456 78" in words(client.get(step(claim, "pay")))
    client.post(step(claim, "pay"), {"reference": "PAY-77"})
    again = client.post(step(second, "pay"), {"reference": "PAY-77"})
    assert "This reference belongs to another payment." in words(again)
    assert list(ClaimPayment.objects.values_list("claim__number", "amount_minor", "reference", "paid_by")) == [
        (claim.number, 60_000, "PAY-77", grace.pk)
    ]
    claim.refresh_from_db()
    assert claim.status == Claim.Status.PAID
    assert "PAY-77" in words(client.get(reverse("admin:claims_claimpayment_changelist")))
    assert "Paid" in words(client.get(reverse("admin:claims_premiumpayment_changelist")))
    assert "PAY-77" in words(client.get(page(claim)))


def test_a_reference_that_somebody_used_after_the_form_had_looked_is_refused_in_words(
    dora, grace, alice, cover, claim
) -> None:
    people.accept_in_full(claim, by=dora)
    second = people.file_claim(alice, cover, 10_000, key="second")
    people.accept_in_full(second, by=dora)
    form = PayForm({"reference": "PAY-77"})
    assert form.is_valid()
    adjusting.pay_claim(by=grace, claim=claim, reference="PAY-77")
    with pytest.raises(adjusting.CannotDecide, match="This reference belongs to another payment"):
        ClaimAdmin.desk_steps["pay"].run(grace, second, form.cleaned_data)
    second.refresh_from_db()
    assert (second.status, ClaimPayment.objects.count()) == (Claim.Status.DECIDED, 1)


def test_a_claim_that_was_decided_meanwhile_refuses_the_step(client, dora, taken) -> None:
    client.force_login(dora)
    adjusting.decide_claim(by=dora, claim=taken, verdict=adjusting.Verdict("accepted", 60_000, "Covered."))
    answer = client.post(step(taken, "decide"), decline())
    assert "is not possible now: it stands at “Decided”" in words(answer)
    assert taken.decisions.count() == 1
