"""On PostgreSQL no commit changes a recorded business row without an entry that names it, whoever tries and however."""

import uuid
from collections.abc import Callable
from importlib import import_module

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, connection, models, transaction
from django.utils import timezone

from anchoring import fsck, guards, log, vault
from anchoring.log import AfterImage, Subject
from anchoring.models import Entry
from anchoring.record import rows
from anchoring.seal import sequencer
from claims.models import Claim, ClaimDecision, ClaimDraft, ClaimLine, Document, KycCase
from tests import people
from tests.anchoring.log_world import note, sql

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no deferred triggers: the scan finds it"),
]


@pytest.fixture
def claim(alice, carol) -> Claim:
    """Alice's, of two things, with one file."""
    return people.file_claim(alice, people.insured(alice, officer=carol), 20_000, 5_000)


def refused(row: models.Model, what: str, act: Callable[[], object]) -> None:
    """The commit fails and names the row and what no entry says; the scan finds everything as it was."""
    with pytest.raises(
        DatabaseError, match=f"row {row._meta.db_table} {row.pk} was changed and no entry.* names {what}"
    ):
        act()
    assert [*fsck.fsck(tally=fsck.Tally(), progress=lambda count: None)] == []


def entry_for(*images: AfterImage) -> Entry:
    return log.record(
        kind="thing.noted", subject=Subject("thing", str(uuid.uuid4())), at=timezone.now(),
        facts={vault.HOUSE: {"number": "N-1"}}, rows=images,
    )  # fmt: skip


# --- What is refused -------------------------------------------------------------------------------------------------


def test_raw_sql_is_refused(claim) -> None:
    refused(claim, "the row", lambda: sql("UPDATE claims_claim SET status = 'paid'"))
    refused(claim, "the row", lambda: sql("UPDATE claims_claim SET claimed_minor = claimed_minor + 1"))
    refused(claim.lines.get(position=2), "the row", lambda: sql("DELETE FROM claims_claimline WHERE position = 2"))


def test_an_update_of_a_queryset_is_refused(claim) -> None:
    refused(claim, "the row", lambda: Claim.objects.filter(pk=claim.pk).update(status=Claim.Status.DECIDED))


def test_a_save_is_refused(claim, dora) -> None:
    claim.handler = dora
    refused(claim, "the row", lambda: claim.save(update_fields=["handler"]))


def test_a_bulk_update_is_refused(claim) -> None:
    line = claim.lines.get(position=1)
    line.claimed_minor = 1
    refused(line, "the row", lambda: ClaimLine.objects.bulk_update([line], ["claimed_minor"]))


def test_a_bulk_insert_is_refused(claim) -> None:
    line = ClaimLine(claim=claim, position=3, item="A third thing", claimed_minor=1)
    refused(line, "the row", lambda: ClaimLine.objects.bulk_create([line]))


def test_a_row_inserted_or_copied_by_hand_is_refused(claim) -> None:
    line = ClaimLine(claim=claim, position=3, item="A third thing", claimed_minor=1)
    refused(line, "the row", lambda: line.save(force_insert=True))
    copied = (
        "INSERT INTO claims_claimline (id, claim_id, position, item, claimed_minor)"
        " SELECT %s, claim_id, 3, item, claimed_minor FROM claims_claimline LIMIT 1"
    )
    refused(line, "the row", lambda: sql(copied, line.pk))


def test_a_delete_is_refused(claim) -> None:
    paper = claim.documents.get()
    refused(paper, "the row", lambda: Document.objects.filter(pk=paper.pk).delete())
    refused(paper, "the row", paper.delete)


def test_a_cascade_is_refused(claim) -> None:
    """Were a foreign key ever made to cascade, what it takes along is refused as well."""
    line = claim.lines.get(position=1)
    sql("CREATE TABLE parent AS SELECT claim_id AS id FROM claims_claimline LIMIT 1")
    try:
        sql("ALTER TABLE parent ADD PRIMARY KEY (id)")
        sql("ALTER TABLE claims_claimline ADD CONSTRAINT taken_along FOREIGN KEY (claim_id) REFERENCES parent"
            " ON DELETE CASCADE")  # fmt: skip
        with pytest.raises(DatabaseError, match="row claims_claimline .* was changed and no entry"):
            sql("DELETE FROM parent")
    finally:
        sql("DROP TABLE parent CASCADE")
    assert ClaimLine.objects.filter(pk=line.pk).exists()


def test_the_table_cannot_be_emptied_at_once(claim) -> None:
    with pytest.raises(DatabaseError, match="table claims_claimpayment holds recorded rows: it can never be emptied"):
        sql("TRUNCATE claims_claimpayment")


def test_another_primary_key_is_refused_under_both_names(claim) -> None:
    line, other = claim.lines.get(position=1), uuid.uuid4()
    refused(line, "the row", lambda: sql("UPDATE claims_claimline SET id = %s WHERE position = 1", other))


@pytest.mark.parametrize("column", ["claimed_minor", "sealed"])
def test_an_entry_that_names_another_column_is_no_excuse(claim, column) -> None:
    @transaction.atomic
    def act() -> None:
        Claim.objects.filter(pk=claim.pk).update(
            status=Claim.Status.DECIDED, **{column: {"sealed": b"x"}.get(column, 1)}
        )
        claim.refresh_from_db()
        entry_for(AfterImage(claim, ["status"]))

    refused(claim, column, act)


def test_an_entry_that_names_another_row_is_no_excuse(claim) -> None:
    @transaction.atomic
    def act() -> None:
        entry_for(AfterImage(claim, ["status"]))
        ClaimLine.objects.filter(claim=claim, position=2).update(item="Another thing")

    refused(claim.lines.get(position=2), "the row", act)


def test_an_entry_of_another_transaction_is_no_excuse_even_when_the_setting_is_forged(claim) -> None:
    seqs = ",".join(str(seq) for seq in Entry.objects.values_list("seq", flat=True))

    @transaction.atomic
    def act() -> None:
        sql("SELECT set_config('anchoring.entries', %s, true)", seqs)
        sql("UPDATE claims_claim SET status = 'paid'")

    refused(claim, "the row", act)


def test_an_entry_that_was_rolled_back_is_no_excuse(claim) -> None:
    class Undone(Exception):
        pass

    @transaction.atomic
    def act() -> None:
        with pytest.raises(Undone), transaction.atomic():
            entry_for(AfterImage(claim, ["status"]))
            raise Undone
        sql("UPDATE claims_claim SET status = 'paid'")

    refused(claim, "the row", act)


def test_a_migration_that_drops_rows_is_refused(claim) -> None:
    """What ``RunSQL`` does: everything of one migration in one transaction."""
    refused(
        claim.documents.get(),
        "the row",
        transaction.atomic(lambda: sql("DELETE FROM claims_document WHERE claim_id IS NOT NULL")),
    )


# --- What is not -----------------------------------------------------------------------------------------------------


def test_a_row_may_change_together_with_the_entry_that_names_it(claim) -> None:
    with transaction.atomic():
        Claim.objects.filter(pk=claim.pk).update(status=Claim.Status.DECIDED)
        claim.refresh_from_db()
        entry_for(AfterImage(claim, ["status"]))
    assert Claim.objects.get().status == "decided"


def test_two_entries_may_name_one_row_and_one_in_a_savepoint_counts(claim) -> None:
    with transaction.atomic():
        Claim.objects.filter(pk=claim.pk).update(status=Claim.Status.DECIDED, claimed_minor=7)
        claim.refresh_from_db()
        entry_for(AfterImage(claim, ["status"]))
        with transaction.atomic():
            entry_for(AfterImage(claim, ["claimed_minor"]))
    assert Claim.objects.get().claimed_minor == 7


def test_what_changes_nothing_that_is_recorded_needs_no_entry(claim) -> None:
    assert sql("UPDATE claims_claim SET status = status, claimed_minor = claimed_minor") == 1


def test_a_draft_s_files_need_no_entry_until_they_are_sent(alice, claim) -> None:
    draft = people.claim.start_draft(by=alice, policy=claim.policy)
    paper = people.claim.add_draft_file(by=alice, draft=draft, received=people.a_file("a.png", people.PNG + b"a"))
    people.claim.add_draft_file(by=alice, draft=draft, received=people.a_file("b.png", people.PNG + b"b"))
    assert sql("UPDATE claims_document SET name = 'c.png' WHERE id = %s", paper.pk) == 1
    people.claim.remove_draft_file(by=alice, document=paper)
    refused(
        Document.objects.get(draft=draft),
        "the row",
        lambda: sql("UPDATE claims_document SET draft_id = NULL WHERE draft_id IS NOT NULL"),
    )
    people.claim.submit_claim(by=alice, policy=claim.policy, fnol=people.loss(100), idempotency_key="k", draft=draft)
    assert (ClaimDraft.objects.count(), Document.objects.filter(claim__isnull=False).count()) == (0, 2)


def test_a_recorded_file_cannot_become_a_draft_s_and_then_be_removed(alice, claim) -> None:
    draft, paper = people.claim.start_draft(by=alice, policy=claim.policy), claim.documents.get()
    refused(paper, "the row", lambda: Document.objects.filter(pk=paper.pk).update(draft=draft))


def test_every_action_of_a_claim_s_life_commits(alice, carol, dora, erin, grace, claim) -> None:
    people.claim.add_evidence(by=alice, claim=claim, uploads=[people.a_file("more.png", people.PNG + b"more")])
    people.accept_in_full(claim, by=dora)
    people.adjusting.pay_claim(by=grace, claim=claim, reference="BANK-1")
    withdrawn = people.file_claim(alice, claim.policy, key="key-2")
    people.claim.withdraw_claim(by=alice, claim=withdrawn)
    sequencer.sequence()
    assert (KycCase.objects.count(), ClaimDecision.objects.count()) == (1, 1)
    assert [*fsck.fsck(tally=fsck.Tally(), progress=lambda count: None)] == []


def test_erasure_changes_no_recorded_row_and_stays_possible(claim) -> None:
    vault.destroy(claim.owner)
    assert [*fsck.fsck(tally=fsck.Tally(), progress=lambda count: None)] == []


# --- Declared once, installed as declared ----------------------------------------------------------------------------


def test_every_declared_table_has_its_guard_and_nothing_else_has_one() -> None:
    assert guards.differences() == []
    guarded = {t.table for t in guards._installed_triggers() if t.name == "recorded"}
    assert guarded == set(rows.recorded_tables())


NOT_SO = "is missing, switched off or not the declared one"
EMPTY_FUNCTION = "anchoring_guard_claims_claim() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP TRIGGER recorded ON claims_claim", f"The guard recorded of table claims_claim {NOT_SO}"),
        (
            "ALTER TABLE claims_claim DISABLE TRIGGER recorded_not_emptied",
            f"The guard recorded_not_emptied of table claims_claim {NOT_SO}",
        ),
        (
            f"CREATE OR REPLACE FUNCTION {EMPTY_FUNCTION}",
            "The function anchoring_guard_claims_claim is not the declared one",
        ),
        (
            "CREATE TRIGGER recorded AFTER INSERT ON claims_notice FOR EACH ROW"
            " EXECUTE FUNCTION anchoring_guard_claims_claim()",
            "Table claims_notice has the guard recorded, which nothing declares",
        ),
    ],
)
def test_a_guard_that_is_not_as_declared_is_said_and_put_right_by_migrate(damage, said) -> None:
    sql(damage)
    assert guards.differences() == [f"{said}. Run: manage.py migrate"]
    with pytest.raises(SystemCheckError, match=said.replace("(", r"\(")):
        call_command("check", databases=["default"], fail_level="WARNING")
    call_command("migrate", verbosity=0)
    assert guards.differences() == []


def test_a_new_column_in_the_declaration_is_missing_from_the_guard_until_migrate(monkeypatch) -> None:
    declared = rows.recorded_tables()["claims_claimline"]
    fewer = {name: owner for name, owner in declared.owners.items() if name != "item"}
    monkeypatch.setitem(rows._recorded_tables, "claims_claimline", rows.RecordedTable(declared.model, fewer))
    said = "The function anchoring_guard_claims_claimline is not the declared one. Run: manage.py migrate"
    assert guards.differences() == [said]
    call_command("migrate", verbosity=0)
    assert guards.differences() == []
    monkeypatch.undo()
    assert guards.differences() == [said]
    call_command("migrate", verbosity=0)
    assert guards.differences() == []


def test_migrate_removes_the_guard_of_a_table_that_is_declared_no_more(monkeypatch) -> None:
    declared = dict(rows.recorded_tables())
    monkeypatch.delitem(rows._recorded_tables, "claims_claimline")
    call_command("migrate", verbosity=0)
    assert (guards.differences(), sql("SELECT 1 FROM pg_proc WHERE proname = 'anchoring_guard_claims_claimline'")) == (
        [],
        0,
    )
    monkeypatch.undo()
    assert rows.recorded_tables() == declared
    call_command("migrate", verbosity=0)
    assert guards.differences() == []


def test_a_function_that_records_without_saying_so_is_said(claim) -> None:
    """Whoever replaces it must keep what the guards look for: without it nothing could be changed at all."""
    noting, silent = (
        import_module(f"anchoring.migrations.{name}").FUNCTION for name in ("0006_recorded_rows", "0003_record")
    )
    sql(silent.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    try:
        assert guards.differences() == [
            "The function anchoring_record does not say in anchoring.entries which entries name rows: no guard would"
            " find them. Run: manage.py migrate"
        ]
        with pytest.raises(DatabaseError, match="was changed and no entry of this transaction names the row"):
            people.claim.withdraw_claim(by=claim.party.user, claim=claim)
    finally:
        sql(noting)
    assert guards.differences() == []


def test_a_log_guard_that_was_lifted_is_said_and_migrate_does_not_hide_it() -> None:
    note()
    sql("ALTER TABLE anchoring_entry DISABLE TRIGGER insert_only")
    said = (
        "The guard insert_only of table anchoring_entry is missing or switched off: rows of it may have been changed."
        " Find out who lifted it, and compare with a backup"
    )
    try:
        call_command("migrate", verbosity=0)
        assert guards.differences() == [said]
    finally:
        sql("ALTER TABLE anchoring_entry ENABLE TRIGGER insert_only")
    assert guards.differences() == []
