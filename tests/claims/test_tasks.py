"""E-mail notices: owed with the change, sent once, sent again after a fault."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from claims import notices, tasks
from claims.actions import adjusting, claim, kyc
from claims.models import Notice
from tests import people

pytestmark = pytest.mark.django_db


class Breaking(EmailBackend):
    """A mail server that breaks as ``fault`` says: before it takes the mail, or after, with the process."""

    fault: BaseException | None = None
    sends_first = False

    def send_messages(self, messages):
        if self.sends_first:
            super().send_messages(messages)
        if type(self).fault is not None:
            raise type(self).fault
        return len(messages) if self.sends_first else super().send_messages(messages)


@pytest.fixture
def breaking(monkeypatch, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Breaking"
    monkeypatch.setattr(Breaking, "fault", ConnectionRefusedError("no mail server"))
    monkeypatch.setattr(Breaking, "sends_first", False)
    return Breaking


def owe_one(user, *, officer) -> None:
    """The user's identity approved, with the e-mail of that alone still owed."""
    people.verify(user, officer=officer)
    Notice.objects.filter(template="kyc_received").delete()


def test_alice_reads_what_happened_and_where_but_nothing_confidential(alice, carol) -> None:
    owe_one(alice, officer=carol)
    assert tasks.send_notices() == 1
    sent = mail.outbox[0]
    assert (sent.subject, sent.to) == ("Your identity is confirmed", ["alice@example.com"])
    assert sent.body.startswith("Hello Alice Adams,\n")
    assert f"{settings.SITE_URL}/identity/" in sent.body


def test_each_notice_is_sent_once(alice, carol) -> None:
    owe_one(alice, officer=carol)
    assert [tasks.send_notices(), tasks.send_notices(), len(mail.outbox)] == [1, 0, 1]
    assert Notice.objects.get().tries == 1


def test_every_step_that_owes_an_email_has_its_words(alice, bob, carol, dora, grace) -> None:
    kyc.ask_for_information(
        by=carol, case=people.submit_identity(alice), reason_code="blurry", message="The photo of 3 May is blurred."
    )
    kyc.reject_identity(
        by=carol, case=people.submit_identity(bob), reason_code="altered_document", message="It is not genuine."
    )
    cover = people.insured(alice, officer=carol)
    paid = people.accept_in_full(people.file_claim(alice, cover), by=dora)
    adjusting.pay_claim(by=grace, claim=paid, reference="BANK-1")
    withdrawn = people.file_claim(alice, cover, key="key-2")
    claim.withdraw_claim(by=alice, claim=withdrawn)
    assert tasks.send_notices() == 13
    assert [message.subject for message in mail.outbox] == [
        "We are checking your identity",
        "We need something more to confirm your identity",
        "We are checking your identity",
        "We could not accept your identity",
        "We are checking your identity",
        "Your identity is confirmed",
        f"Your policy {cover.number}",
        f"We have your claim {paid.number}",
        f"We are looking at your claim {paid.number}",
        f"We have decided your claim {paid.number}",
        f"We have paid your claim {paid.number}",
        f"We have your claim {withdrawn.number}",
        f"You withdrew your claim {withdrawn.number}",
    ]
    everything = " ".join(message.body for message in mail.outbox)
    assert [secret for secret in ("3 May", "genuine", "250.00", "accepted", "BANK-1") if secret in everything] == []


def test_what_the_mail_server_did_not_take_is_tried_again_later(alice, carol, breaking, time_machine) -> None:
    owe_one(alice, officer=carol)
    assert [tasks.send_notices(), tasks.send_notices(), mail.outbox] == [0, 0, []]
    assert Notice.objects.get().tries == 1
    breaking.fault = None
    time_machine.move_to(timezone.now() + timedelta(seconds=21))
    assert [tasks.send_notices(), len(mail.outbox)] == [1, 1]


def test_a_crash_after_sending_sends_that_mail_once_more_and_no_oftener(alice, carol, breaking, time_machine) -> None:
    owe_one(alice, officer=carol)
    breaking.fault, breaking.sends_first = SystemExit("killed"), True
    with pytest.raises(SystemExit):
        tasks.send_notices()
    breaking.fault = None
    for _ in range(3):
        time_machine.move_to(timezone.now() + timedelta(minutes=5))
        tasks.send_notices()
    assert len(mail.outbox) == 2


def test_an_address_that_never_takes_mail_is_given_up_in_the_end(alice, carol, breaking, time_machine) -> None:
    owe_one(alice, officer=carol)
    for _ in range(20):
        time_machine.move_to(timezone.now() + timedelta(days=3))
        tasks.send_notices()
    assert Notice.objects.get().tries == notices.MOST_TRIES


def test_while_one_process_sends_another_does_not(alice, carol) -> None:
    owe_one(alice, officer=carol)
    cache.add("claims.send_notices", True)
    assert tasks.send_notices() == 0
    cache.delete("claims.send_notices")
    assert tasks.send_notices() == 1
