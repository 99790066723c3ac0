"""The vault: each person's content opens with their key alone, and never again once it is destroyed."""

import time
import uuid

import pytest
from django.db import DatabaseError, connections, transaction

from anchoring import vault
from anchoring.models import DataKey, Entry
from anchoring.routers import VaultRouter
from tests.anchoring.log_world import ALICE, BOB, note

pytestmark = pytest.mark.django_db
SECRET, PLACE = b"She broke her leg.", b"file/v1\x001"


def sealed(owner: str = ALICE, *, context: bytes = PLACE) -> bytes:
    return vault.seal(owner, SECRET, context=context)


def test_what_is_sealed_opens_again_and_shows_nothing_before() -> None:
    text = sealed()
    assert SECRET not in text
    assert len(text) == len(SECRET) + 28
    assert vault.unseal(ALICE, text, context=PLACE) == SECRET


def test_the_same_content_is_sealed_differently_each_time() -> None:
    assert sealed() != sealed()


def test_every_changed_byte_is_noticed() -> None:
    text = sealed()
    for position in range(len(text)):
        damaged = text[:position] + bytes([text[position] ^ 1]) + text[position + 1 :]
        with pytest.raises(vault.Unreadable, match="changed or moved"):
            vault.unseal(ALICE, damaged, context=PLACE)


@pytest.mark.parametrize("cut", [b"", b"x", b"x" * 12, b"x" * 27])
def test_what_is_too_short_is_noticed(cut) -> None:
    sealed()
    with pytest.raises(vault.Unreadable):
        vault.unseal(ALICE, cut, context=PLACE)


def test_content_moved_to_another_place_or_person_does_not_open() -> None:
    text = sealed()
    sealed(BOB)
    with pytest.raises(vault.Unreadable):
        vault.unseal(ALICE, text, context=b"file/v1\x002")
    with pytest.raises(vault.Unreadable):
        vault.unseal(BOB, text, context=PLACE)


def test_without_a_key_in_the_vault_nothing_opens() -> None:
    with pytest.raises(vault.Unreadable, match="holds no key of person:"):
        vault.unseal(f"person:{uuid.uuid4()}", sealed(), context=PLACE)


def test_a_destroyed_key_is_destroyed_at_once_for_reading_and_writing() -> None:
    text = sealed()
    vault.destroy(ALICE)
    with pytest.raises(vault.KeyDestroyed, match="was destroyed on 2"):
        vault.unseal(ALICE, text, context=PLACE)
    with pytest.raises(vault.KeyDestroyed):
        sealed()
    assert DataKey.objects.get(owner=ALICE).wrapped is None


def test_a_key_can_be_destroyed_before_it_was_ever_made_and_twice() -> None:
    vault.destroy(BOB)
    first = DataKey.objects.get(owner=BOB).destroyed_at
    vault.destroy(BOB)
    assert DataKey.objects.get(owner=BOB).destroyed_at == first
    with pytest.raises(vault.KeyDestroyed):
        sealed(BOB)


def test_one_persons_erasure_leaves_the_others_readable() -> None:
    hers, his = sealed(ALICE), sealed(BOB)
    vault.destroy(ALICE)
    parts = [(ALICE, hers, PLACE), (BOB, his, PLACE), ("person:nobody", his, PLACE), (BOB, his, b"elsewhere")]
    opened = vault.unseal_each(parts)
    assert opened[1] == SECRET
    assert [type(part) for part in opened] == [vault.KeyDestroyed, bytes, vault.Unreadable, vault.Unreadable]


@pytest.mark.parametrize("people", [1, 3])
def test_many_parts_of_many_people_take_one_look_at_the_vault(people, django_assert_num_queries) -> None:
    parts = [(f"person:{n}", sealed(f"person:{n}"), PLACE) for n in range(people) for _ in range(2)]
    with django_assert_num_queries(1, using="vault"):
        assert vault.unseal_each(parts) == [SECRET] * len(parts)


def test_a_held_key_spares_the_vault_for_a_minute(django_assert_num_queries, monkeypatch) -> None:
    sealed()
    with django_assert_num_queries(0, using="vault"):
        sealed()
    monkeypatch.setattr(vault, "CACHED_SECONDS", -1.0)
    vault.forget_cached_keys()
    sealed()
    with django_assert_num_queries(1, using="vault"):
        sealed()


def test_no_more_keys_are_held_than_is_said(monkeypatch) -> None:
    monkeypatch.setattr(vault, "CACHED_KEYS", 2)
    for n in range(5):
        sealed(f"person:{n}")
    assert list(vault._sealing) == ["person:3", "person:4"]


def test_keys_wrapped_under_another_wrapping_key_do_not_open(settings) -> None:
    text = sealed()
    settings.VAULT_KEY = "99" * 32
    vault.forget_cached_keys()
    with pytest.raises(vault.Unreadable, match="VAULT_KEY is not the key that the vault was made with"):
        vault.unseal(ALICE, text, context=PLACE)
    with pytest.raises(vault.Unreadable):
        sealed()


def test_the_data_key_itself_is_nowhere_in_clear() -> None:
    sealed()
    key = DataKey.objects.get(owner=ALICE)
    assert vault._unwrapped(key) not in bytes(key.wrapped)
    assert len(bytes(key.wrapped)) == 40


def test_the_vaults_rows_live_in_a_database_of_their_own() -> None:
    assert "anchoring_datakey" in connections["vault"].introspection.table_names()
    assert "anchoring_datakey" not in connections["default"].introspection.table_names()
    assert [t for t in connections["vault"].introspection.table_names() if t != "django_migrations"] == [
        "anchoring_datakey"
    ]
    assert VaultRouter().db_for_read(Entry) is None


@pytest.mark.django_db(transaction=True)
def test_a_new_key_is_durable_before_the_entry_that_needs_it_commits() -> None:
    """Were it the other way round, a crash in between would leave an entry that nobody can ever open."""
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        note()
        raise ZeroDivisionError
    assert Entry.objects.count() == 0
    assert DataKey.objects.filter(owner=ALICE, wrapped__isnull=False).count() == 1


def test_a_key_is_either_held_or_destroyed() -> None:
    sealed()
    with pytest.raises(DatabaseError), transaction.atomic(using="vault"):
        DataKey.objects.filter(owner=ALICE).update(wrapped=None)


def test_sealing_is_quick() -> None:
    """Not a measurement: a guard against unwrapping the key for each part."""
    sealed()
    begun = time.perf_counter()
    for _ in range(1000):
        sealed()
    assert time.perf_counter() - begun < 2
