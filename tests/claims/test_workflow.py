"""The table of steps, cell by cell: every state, every step, every person."""

import pytest

from anchoring import log, vault
from anchoring.models import Entry
from claims import workflow
from claims.actions import adjusting
from claims.models import Claim, ClaimDecision, KycCase, PremiumPayment, Quote
from tests import people
from tests.anchoring.log_world import guards_lifted

pytestmark = pytest.mark.django_db

# Who may take which step from which state; everything else is refused. Written by hand from the rules of the house.
CLAIM = {
    "add_evidence": ({"submitted", "under_review", "awaiting_approval"}, {"alice"}),
    "withdraw": ({"submitted", "under_review", "awaiting_approval"}, {"alice"}),
    "take": ({"submitted"}, {"dora"}),
    "decide": ({"under_review"}, {"dora"}),
    "propose": ({"under_review"}, set()),
    "approve": ({"awaiting_approval"}, {"erin"}),
    "send_back": ({"awaiting_approval"}, {"erin"}),
    "pay": ({"decided"}, {"grace"}),
    "submit": (set(), set()),
}
KYC = {
    "submit": ({"info_requested"}, {"alice"}),
    "verify": ({"submitted"}, {"carol"}),
    "ask": ({"submitted"}, {"carol"}),
    "reject": ({"submitted"}, {"carol"}),
}
QUOTE = {"price": (set(), set()), "accept": ({"quoted"}, {"alice"})}
PAYMENT = {"initiate": (set(), set()), "capture": ({"initiated"}, {"alice"}), "fail": ({"initiated"}, {"alice"})}


@pytest.fixture
def cast(alice, bob, carol, dora, erin, grace, frank, uma):
    return {"alice": alice, "bob": bob, "carol": carol, "dora": dora, "erin": erin, "grace": grace, "frank": frank,
            "uma": uma}  # fmt: skip


def allowed_cells(thing, cast) -> set[tuple[str, str, str]]:
    """(state, step, person) for which the table has no refusal."""
    names = [step.name for step in workflow.STEPS if step.machine == workflow.machine_of(thing)]
    cells = set()
    for state in type(thing).Status.values:
        thing.status = state
        cells |= {
            (state, step, name)
            for step in names
            for name, by in cast.items()
            if not workflow.refusal(thing, step, by=by)
        }
    return cells


def expected_cells(table) -> set[tuple[str, str, str]]:
    return {(s, step, name) for step, (states, names) in table.items() for s in states for name in names}


def test_each_step_of_a_claim_is_open_to_the_right_people_in_the_right_states_only(cast) -> None:
    claim = people.file_claim(cast["alice"], people.insured(cast["alice"], officer=cast["carol"]), 50_000)
    adjusting.take_claim(by=cast["dora"], claim=claim)
    with guards_lifted("claims_claimdecision"):
        ClaimDecision.objects.create(
            claim=claim, outcome="accepted", payable_minor=50_000, currency="EUR", rationale="x",
            proposed_by=cast["dora"], proposed_at=claim.reported_at,
        )  # fmt: skip
    assert allowed_cells(claim, cast) == expected_cells(CLAIM)


def test_each_step_of_an_identity_quote_and_payment_is_open_to_the_right_people_only(cast) -> None:
    case = people.verify(cast["alice"], officer=cast["carol"])
    quote = people.quote_for(cast["alice"])
    people.buy(cast["alice"], quote)
    payment = PremiumPayment.objects.get(quote=quote)
    assert allowed_cells(case, cast) == expected_cells(KYC)
    assert allowed_cells(quote, cast) == expected_cells(QUOTE)
    assert allowed_cells(payment, cast) == expected_cells(PAYMENT)


def test_every_state_in_the_table_is_a_state_of_its_machine() -> None:
    states = {"claim": Claim.Status, "kyc": KycCase.Status, "quote": Quote.Status, "payment": PremiumPayment.Status}
    for step in workflow.STEPS:
        known = {workflow.NEW, *(states[step.machine].values if step.machine in states else ())}
        assert set(step.sources) <= known
        assert step.target is None or step.target in known


def test_every_step_has_a_kind_of_its_own() -> None:
    kinds = [step.kind for step in workflow.STEPS]
    assert sorted(kinds) == sorted(set(kinds))


def test_a_refused_step_changes_nothing_and_is_recorded_under_its_own_subject(alice, bob, carol) -> None:
    claim = people.file_claim(alice, people.insured(alice, officer=carol))
    before = Entry.objects.filter(subject_type="claim").count()
    with pytest.raises(workflow.StepRefused, match="role Adjuster"):
        adjusting.take_claim(by=bob, claim=claim)
    claim.refresh_from_db()
    assert claim.status == "submitted"
    assert Entry.objects.filter(subject_type="claim").count() == before
    (event,) = log.history(log.Subject("refusal", str(claim.pk)))
    assert event.kind == "refusal.recorded"
    assert event.facts == {
        "by": str(bob.person), "by.role": "policyholder", "number": claim.number, "step": "claim.take",
        "reason": "Only someone with the role Adjuster may do this.",
    }  # fmt: skip


def test_a_step_records_who_in_which_role_and_between_which_states(alice, carol, dora) -> None:
    claim = people.file_claim(alice, people.insured(alice, officer=carol))
    adjusting.take_claim(by=dora, claim=claim)
    event = log.history(workflow.subject_of(claim))[-1]
    assert event.facts == {
        "by": str(dora.person), "by.role": "adjuster", "status.before": "submitted", "status.after": "under_review",
    }  # fmt: skip


def test_the_holder_does_not_see_which_member_of_staff_acted(alice, carol, dora) -> None:
    claim = people.file_claim(alice, people.insured(alice, officer=carol))
    adjusting.take_claim(by=dora, claim=claim)
    event = log.history(workflow.subject_of(claim), owners=[claim.owner, vault.HOUSE])[-1]
    assert "by" not in event.facts
    assert event.facts["by.role"] == "adjuster"
    assert event.withheld == 2  # who acted, and the row's handler


def test_buttons_offer_deciding_before_the_amount_is_known(alice, carol, dora, erin) -> None:
    claim = people.file_claim(alice, people.insured(alice, officer=carol))
    claim = adjusting.take_claim(by=dora, claim=claim)
    assert [step.name for step in workflow.steps_for(claim, by=dora)] == ["decide"]
    assert workflow.steps_for(claim, by=erin) == []
    assert [step.name for step in workflow.steps_for(claim, by=alice)] == ["add_evidence", "withdraw"]
