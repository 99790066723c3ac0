"""Files are given back as they were received, to those whom they concern."""

import uuid

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from anchoring import vault
from claims.models import Document
from tests import people
from tests.people import PNG

pytestmark = pytest.mark.django_db


@pytest.fixture
def evidence(alice, carol) -> Document:
    people.file_claim(alice, people.insured(alice, officer=carol), 25_000)
    return Document.objects.get(kind=Document.Kind.EVIDENCE)


def test_alice_gets_the_very_bytes_as_a_download_that_no_page_can_run(client, alice, evidence) -> None:
    client.force_login(alice)
    answer = client.get(reverse("document", args=[evidence.pk]))
    assert answer.content == PNG
    expected = {
        "Content-Type": "image/png", "Content-Disposition": "attachment; filename*=UTF-8''receipt.png",
        "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
    }  # fmt: skip
    assert {name: answer.headers[name] for name in expected} == expected


def test_a_name_cannot_break_out_of_the_header(client, alice, evidence) -> None:
    Document.objects.filter(pk=evidence.pk).update(name='a"; x=\r\nSet-Cookie: b.png')
    client.force_login(alice)
    answer = client.get(reverse("document", args=[evidence.pk]))
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename*=UTF-8''a%22%3B%20x%3D%0D%0ASet-Cookie%3A%20b.png"
    )


def test_bob_finds_no_such_file(client, bob, evidence) -> None:
    client.force_login(bob)
    assert client.get(reverse("document", args=[evidence.pk])).status_code == 404
    assert client.get(reverse("document", args=[uuid.uuid4()])).status_code == 404


def test_what_was_erased_says_so(client, alice, evidence) -> None:
    vault.destroy(evidence.owner)
    client.force_login(alice)
    answer = client.get(reverse("document", args=[evidence.pk]))
    assert (answer.status_code, "The content was erased" in answer.content.decode()) == (410, True)


def test_a_file_that_the_store_lost_is_admitted(client, alice, evidence) -> None:
    default_storage.delete(f"documents/{str(evidence.pk)[:2]}/{evidence.pk}")
    client.force_login(alice)
    answer = client.get(reverse("document", args=[evidence.pk]))
    assert (answer.status_code, "We cannot give you this file" in answer.content.decode()) == (404, True)
