"""E-mail notices: owed with the change, sent once, sent again after a fault; one waits until a claim is anchored."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from anchoring.seal import sequencer
from claims import notices, tasks
from claims.actions import adjusting, claim, kyc
from claims.models import Notice
from tests import people
from tests.anchoring.log_world import a_chain, register, tick

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


# --- The e-mail that waits for an anchor ---


@pytest.fixture
def chain():
    """A chain on which the log is registered."""
    made = a_chain()
    register(made)
    return made


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


def anchor(chain) -> None:
    """Everything recorded so far, sealed and anchored."""
    sequencer.sequence()
    tick(chain)
    for _ in range(40):
        chain.mine()
    tick(chain)


def told() -> list[str]:
    """The subjects, so far, of the e-mails that say that a claim is anchored."""
    return [message.subject for message in mail.outbox if "is anchored" in message.subject]


def test_alice_is_told_once_that_her_claim_is_anchored_and_what_to_do_with_it(alice, cover, chain) -> None:
    filed = people.file_claim(alice, cover)
    assert (tasks.release_notices(), tasks.send_notices(), told()) == (0, 4, [])
    sequencer.sequence()
    assert (tasks.release_notices(), tasks.send_notices(), told()) == (0, 0, [])
    anchor(chain)
    assert [tasks.release_notices(), tasks.send_notices(), tasks.release_notices(), tasks.send_notices()] == [
        1,
        1,
        0,
        0,
    ]
    (sent,) = [message for message in mail.outbox if "is anchored" in message.subject]
    assert (sent.subject, sent.to) == (
        f"Your claim {filed.number} is anchored: keep its certificate", ["alice@example.com"],
    )  # fmt: skip
    assert [
        part for part in (f"{settings.SITE_URL}/claims/{filed.number}/", "keep them") if part not in sent.body
    ] == []


def test_what_happens_later_is_not_told_again(alice, dora, cover, chain) -> None:
    filed = people.file_claim(alice, cover)
    anchor(chain)
    tasks.release_notices()
    tasks.send_notices()
    people.accept_in_full(filed, by=dora)
    anchor(chain)
    assert tasks.release_notices() == 0
    tasks.send_notices()
    assert len(told()) == 1


def test_while_the_newest_event_is_on_its_way_the_e_mail_waits_for_it(alice, cover, chain) -> None:
    filed = people.file_claim(alice, cover)
    anchor(chain)
    claim.add_evidence(by=alice, claim=filed, uploads=[people.a_file("b.png", people.PNG + b"b")])
    assert tasks.release_notices() == 0
    anchor(chain)
    assert tasks.release_notices() == 1


def test_each_claim_has_its_own_e_mail(alice, cover, chain) -> None:
    numbers = [people.file_claim(alice, cover, key=key).number for key in ("k-1", "k-2", "k-3")]
    anchor(chain)
    assert (tasks.release_notices(), tasks.send_notices() > 0) == (3, True)
    assert told() == [f"Your claim {number} is anchored: keep its certificate" for number in numbers]


def test_the_database_holds_no_second_one_for_a_claim(alice, cover) -> None:
    people.file_claim(alice, cover)
    people.file_claim(alice, cover)  # the same key: the same claim
    held = Notice.objects.get(template="claim_anchored")
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(
            user=alice, template="claim_anchored", number=held.number, path=held.path, made_at=held.made_at
        )


def test_the_wait_for_the_anchor_costs_no_try_and_no_pause(alice, cover, chain, time_machine) -> None:
    people.file_claim(alice, cover)
    anchor(chain)
    time_machine.move_to(timezone.now() + timedelta(days=9))
    tasks.release_notices()
    held = Notice.objects.get(template="claim_anchored")
    assert (held.tries, held.awaits, held.made_at.date()) == (0, None, timezone.now().date())
    assert tasks.send_notices() > 0 and len(told()) == 1


def test_a_claim_of_someone_without_an_account_owes_no_e_mail(uma, cover) -> None:
    type(cover.party).objects.filter(pk=cover.party_id).update(user=None)
    cover.refresh_from_db()
    people.file_claim(uma, cover)
    assert Notice.objects.filter(template="claim_anchored").count() == 0


@pytest.mark.django_db(transaction=True)
def test_many_workers_that_look_at_once_let_it_go_once(alice, carol) -> None:
    chain = a_chain()
    register(chain)
    people.file_claim(alice, people.insured(alice, officer=carol))
    anchor(chain)
    barrier, released = threading.Barrier(4), []

    def look() -> None:
        barrier.wait()
        try:
            released.append(tasks.release_notices())
        finally:
            connections.close_all()

    workers = [threading.Thread(target=look) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(released) == [0, 0, 0, 1]


def queries() -> int:
    with CaptureQueriesContext(connection) as asked:
        tasks.release_notices()
    return len(asked)


def test_one_tick_asks_as_much_of_1_claim_as_of_30_whether_they_wait_or_not(alice, cover, chain) -> None:
    counts = []
    for claims in (1, 30):
        for number in range(claims):
            people.file_claim(alice, cover, key=f"{claims}-{number}")
        waiting = queries()
        anchor(chain)
        counts.append((waiting, queries()))
    assert counts[0] == counts[1] == (2, 4)
    assert queries() == 1


def test_one_tick_looks_at_the_oldest_and_at_no_more_than_a_fixed_number(alice, cover, chain, monkeypatch) -> None:
    monkeypatch.setattr(notices, "LOOKED_AT", 2)
    for number in range(3):
        people.file_claim(alice, cover, key=f"k-{number}")
    anchor(chain)
    assert [tasks.release_notices(), tasks.release_notices(), tasks.release_notices()] == [2, 1, 0]
