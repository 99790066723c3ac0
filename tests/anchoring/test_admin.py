"""frank reads the log itself, and can change nothing in it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from anchoring import handover, log, schedule
from anchoring.endpoints import Health
from anchoring.log import Subject
from anchoring.models import (
    Anchor,
    Attempt,
    Checkpoint,
    Confirmation,
    Entry,
    Handover,
    Registration,
    Retraction,
    Tick,
)
from anchoring.seal import sequencer
from tests import people
from tests.anchoring.log_world import a_chain, a_route, register, tick
from tests.claims.admin.test_claims import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def claim(alice, carol):
    return people.file_claim(alice, people.insured(alice, officer=carol), 25_000)


@pytest.fixture
def anchored(claim):
    """Everything so far sealed and anchored, and one entry after it."""
    chain = a_chain()
    register(chain)
    sequencer.sequence()
    tick(chain)
    for _ in range(40):
        chain.mine()
    tick(chain)
    return claim


def test_the_log_s_rows_are_listed_and_shown(client, frank, anchored) -> None:
    client.force_login(frank)
    for row in (
        Entry.objects.order_by("seq").first(),
        Checkpoint.objects.get(),
        Anchor.objects.get(),
        Registration.objects.get(),
    ):
        listed = reverse(f"admin:anchoring_{row._meta.model_name}_changelist")
        shown = reverse(f"admin:anchoring_{row._meta.model_name}_change", args=[row.pk])
        assert [client.get(listed).status_code, client.get(shown).status_code] == [200, 200]
    anchors = words(client.get(reverse("admin:anchoring_anchor_changelist")))
    assert "This computer" in anchors
    entry = Entry.objects.get(kind="claim.submitted")
    text = words(client.get(reverse("admin:anchoring_entry_change", args=[entry.pk])))
    assert str(entry.id) in text
    assert "Anchored" in text
    assert "My bag was taken" not in text


def test_the_list_of_entries_asks_as_often_for_many_as_for_few(client, frank, alice, claim) -> None:
    client.force_login(frank)
    address = reverse("admin:anchoring_entry_changelist") + "?kind=claim.submitted"
    client.get(address)
    with CaptureQueriesContext(connection) as for_one:
        client.get(address)
    for key in ("2", "3"):
        people.file_claim(alice, claim.policy, 10_000, key=key)
    with CaptureQueriesContext(connection) as for_three:
        client.get(address)
    assert len(for_three) == len(for_one)


def test_an_entry_is_found_by_its_id_and_by_its_record_s(client, frank, claim) -> None:
    client.force_login(frank)
    [event] = log.history(Subject("claim", str(claim.pk)))
    for asked in (str(event.id), str(claim.pk)):
        found = client.get(reverse("admin:anchoring_entry_changelist"), {"q": asked})
        assert [entry.id for entry in found.context["cl"].result_list] == [event.id]
    assert client.get(reverse("admin:anchoring_entry_changelist"), {"q": "nonsense"}).status_code == 200


def page_of(client, row) -> str:
    return words(client.get(reverse(f"admin:anchoring_{row._meta.model_name}_change", args=[row.pk])))


def test_an_anchor_shows_its_transactions_and_every_block_that_held_it(client, frank, claim) -> None:
    client.force_login(frank)
    chain = a_chain()
    chain.finality_depth = 3
    register(chain)
    sequencer.sequence()
    tick(chain)
    anchor = Anchor.objects.get()
    assert "No block yet" in page_of(client, anchor)
    tick(chain)
    assert "Not final yet" in page_of(client, anchor)
    chain.reorganise(depth=1)
    for _ in range(5):
        chain.mine()
    tick(chain)
    shown = page_of(client, anchor)
    assert [words in shown for words in ("Given up by the chain", "Final: this one counts")] == [True, True]
    page = client.get(reverse("admin:anchoring_anchor_change", args=[anchor.pk])).content.decode()
    assert page.count('<td data-label="What became of it">') == 2
    confirmation = Confirmation.objects.get()
    Retraction.objects.create(confirmation=confirmation, block_hash=b"x" * 32, at=confirmation.at)
    shown = page_of(client, anchor)
    assert "Was final, and given up by the chain:" in shown
    attempt = Attempt.objects.get()
    hash_, offer = bytes(attempt.transaction).hex(), "3 gwei"
    assert [part in shown for part in (offer, str(attempt.gas), str(attempt.nonce), hash_[:4], hash_[-4:])] == [
        True
    ] * 5


def test_a_registration_shows_the_handovers_that_were_signed(client, frank, claim) -> None:
    client.force_login(frank)
    chain = a_chain()
    registration = register(chain)
    assert "Handovers signed: None" in page_of(client, registration)
    handover.step(a_route(chain), to=b"\x55" * 20)
    row = Handover.objects.get()
    shown = page_of(client, registration)
    assert ["55555555".replace("5555", "5555 ").strip() in shown, bytes(row.transaction).hex()[:4] in shown] == [
        True,
        True,
    ]


def test_how_each_step_went_is_shown_in_the_operator_s_words_with_the_endpoints(client, frank, claim) -> None:
    client.force_login(frank)
    chain = a_chain()
    register(chain)
    chain.down = True
    schedule.tick("anchor", lambda: tick(chain), health=lambda: [Health("https://node", "It is down.", 2, 5)])
    row = Tick.objects.get()
    assert "The chain is down." in words(client.get(reverse("admin:anchoring_tick_changelist")))
    shown = page_of(client, row)
    assert [part in shown for part in ("The chain is down.", "https://node", "It is down.", "Never")] == [True] * 4


@pytest.mark.parametrize("model", [Entry, Checkpoint, Registration, Anchor])
def test_nothing_is_added_changed_or_deleted(client, frank, anchored, model) -> None:
    client.force_login(frank)
    row, before = model.objects.order_by("pk").first(), list(model.objects.order_by("pk").values())
    name = f"admin:anchoring_{model._meta.model_name}"
    found = [
        client.post(reverse(f"{name}_add"), {}).status_code,
        client.post(reverse(f"{name}_change", args=[row.pk]), {"kind": "x"}).status_code,
        client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code,
    ]
    client.post(
        reverse(f"{name}_changelist"), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    )
    assert found == [403, 405, 403]
    assert list(model.objects.order_by("pk").values()) == before
    assert client.get(reverse(f"{name}_history", args=[row.pk])).url == reverse(f"{name}_change", args=[row.pk])
