"""The log's events in the words of people."""

import pytest

from claims import wording
from claims.workflow import STEPS

SENT = {
    "number": "CLM-2026-000123-K", "cause": "baggage_stolen", "loss_at": "2026-11-23T12:00:00+00:00",
    "loss_precision": "day", "claimed_minor": 53_050, "currency": "EUR", "item.1": "Camera",
    "item.1.claimed_minor": 45_000, "item.2": "Bag", "item.2.claimed_minor": 8_050, "file.1.sha256": "ab" * 32,
    "by.role": "policyholder", "status.before": "new", "status.after": "submitted",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted({step.kind for step in STEPS} | {"refusal.recorded"}))
def test_every_kind_of_event_has_a_sentence_for_holder_and_staff(kind) -> None:
    assert (kind in wording.HOLDER, kind in wording.STAFF) == (True, True)


def test_an_unknown_kind_is_named_plainly() -> None:
    assert wording.sentence("claim.looked_at") == "Claim looked at"


@pytest.mark.parametrize(
    ("kind", "facts", "sentence"),
    [
        ("claim.submitted", SENT, "€530.50 for 2 things, with one file."),
        ("claim.submitted", {k: v for k, v in SENT.items() if "2" not in k and "file" not in k},
         "€530.50 for one thing."),
        ("claim.evidence_added", {"file.1.sha256": "ab", "file.2.sha256": "cd"},
         "2 files, each with its own fingerprint."),
        ("claim.decided", {"outcome": "declined", "payable_minor": 0, "currency": "EUR"}, "Declined."),
        ("claim.decided", {"outcome": "part_accepted", "payable_minor": 100, "currency": "EUR"},
         "Accepted in part: €1.00."),
        ("claim.paid", {"amount_minor": 100, "currency": "EUR", "reference": "BANK-1"},
         "€1.00, under the reference BANK-1."),
        ("claim.decision_proposed", {"outcome": "accepted", "payable_minor": 100, "currency": "EUR"}, ""),
        ("claim.submitted", {}, ""),
        ("claim.decided", {}, ""),
    ],
)  # fmt: skip
def test_an_event_says_what_it_was_about_but_no_proposal_is_given_away(kind, facts, sentence) -> None:
    assert wording.details(kind, facts) == sentence


def test_facts_are_rows_that_people_can_read() -> None:
    rows = {row["key"]: row["value"] for row in wording.fact_rows(SENT)}
    assert rows == {
        "Number": "CLM-2026-000123-K", "Cause": "My baggage or something in it was stolen",
        "Time of the loss": "23 November 2026", "How exactly": "On this day",
        "Claimed in all": "€530.50", "Currency": "EUR", "Thing 1": "Camera", "Thing 1, amount": "€450.00",
        "Thing 2": "Bag", "Thing 2, amount": "€80.50", "File 1, fingerprint": "ab" * 32, "Who": "You",
        "It stood at": "New", "It then stood at": "Received",
    }  # fmt: skip


def test_the_time_of_a_loss_is_said_where_it_is_known() -> None:
    rows = {row["key"]: row["value"] for row in wording.fact_rows(SENT | {"loss_precision": "exact"})}
    assert rows["Time of the loss"] == "23 November 2026, 12:00 UTC"


def test_what_was_said_comes_before_who_did_it() -> None:
    facts = {"by.role": "finance", "status.after": "paid", "reference": "BANK-1", "by": "6f", "number": "CLM-1"}
    assert [row["key"] for row in wording.fact_rows(facts)] == [
        "Reference", "Number", "It then stood at", "Who", "That person's mark in the log",
    ]  # fmt: skip


def test_roles_are_named_and_the_holder_is_you() -> None:
    assert wording.role_words("policyholder") == "You"
    assert wording.role_words("policyholder", to="staff") == "Policyholder"
    assert wording.role_words("adjuster") == "Adjuster"
    assert wording.role_words("") == ""
