"""One case from identity to payment, through the actions alone."""

import pytest

from anchoring import log
from anchoring.seal import sequencer
from claims.actions import adjusting
from claims.workflow import subject_of
from tests import people

pytestmark = pytest.mark.django_db


def test_alice_is_insured_claims_is_paid_and_every_step_stands_in_the_log(alice, carol, dora, grace) -> None:
    cover = people.insured(alice, officer=carol)
    claim = people.file_claim(alice, cover, 30_000)
    claim = people.accept_in_full(claim, by=dora)
    claim = adjusting.pay_claim(by=grace, claim=claim, reference="BANK-1")
    sequencer.sequence()
    events = log.history(subject_of(claim))
    assert [event.kind for event in events] == ["claim.submitted", "claim.taken", "claim.decided", "claim.paid"]
    assert [event.stage.word for event in events] == ["Sealed"] * 4
    assert events[0].facts["number"] == claim.number
    assert claim.status == "paid"
