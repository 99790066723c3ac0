"""The database's own guards: what it refuses, whoever asks and with whatever tool.

The log's tables refuse to be changed (migration 0002). A recorded business row can be changed only together with an
entry that names it: on PostgreSQL a deferred constraint trigger looks, when the transaction commits, for an entry of
this very transaction that holds a field for each changed column, and refuses the commit otherwise. Raw SQL, bulk writes
and cascades are seen as well. SQLite has no such triggers; there the scan finds what was changed.

The triggers are made from what ``log.register_rows`` was told and from nothing else: ``migrate`` puts them right, and
``differences`` (in ``check --database default`` and in ``fsck``) says where the database has others.

The entry's own row is the evidence; a setting of the transaction only says where to look for it. So this guard stops
every honest mistake and whoever forges the setting, but not a hand that writes an entry itself, nor an owner of the
tables, who can lift any trigger: what those do, the scan and the chain show. An entry holds digests, so that the guard
cannot tell whether it names the value that was written: that is the scan's as well. Time grows with the changed rows
of one transaction times its entries that name rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Model

from anchoring.record.rows import RecordedTable, recorded_tables

INSERT_ONLY = (
    "entry", "opening", "leaf", "state", "checkpoint", "trustversion", "registration", "anchor", "attempt", "sighting",
    "confirmation", "receiptproof", "retraction", "handover", "cosignature",
)  # fmt: skip
NOTED = "anchoring.entries"  # the transaction's setting that anchoring_record() fills in (migration 0006)
PUT_RIGHT = "Run: manage.py migrate"

_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 4, 8, 16, 32  # the bits of pg_trigger.tgtype

# age() of a row that this transaction wrote is 0, or below in a savepoint: an older entry is no excuse.
_ENTRIES = """FROM anchoring_entry AS entry
  WHERE entry.seq = ANY (string_to_array(current_setting('anchoring.entries', true), ',')::bigint[])
    AND age(entry.xmin) <= 0"""
# The slow path: the names may stand in several entries, or be missing, and then it says which.
_REQUIRE_ENTRIES = f"""
DECLARE
  prefix constant text := format('"row.%s.%s.', place, pk);
  named text;
  missing text;
BEGIN
  SELECT string_agg(convert_from(entry.data, 'UTF8'), '') INTO named {_ENTRIES}
    AND strpos(convert_from(entry.data, 'UTF8'), prefix) > 0;
  IF named IS NULL THEN
    missing := 'the row';
  ELSE
    SELECT string_agg(trim(both '":' FROM substr(wanted, length(prefix) + 1)), ', ') INTO missing
    FROM unnest(string_to_array(trim(both '%' FROM replace(pattern, '\\_', '_')), '%')) AS wanted
    WHERE strpos(named, wanted) = 0;
  END IF;
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'row % % was changed and no entry of this transaction names %: nothing of it is kept. Change it by'
      ' an action of the program, which records what it does.', place, pk, missing
      USING ERRCODE = 'restrict_violation', TABLE = place;
  END IF;
END
"""  # noqa: S608 - all parts are constants
_SUPPORT = {"anchoring_require_entries": ("place text, pk text, pattern text", "void", _REQUIRE_ENTRIES)}


@dataclass(frozen=True)
class _Trigger:
    """What PostgreSQL's catalogue says of a trigger that matters here."""

    table: str
    name: str
    function: str
    kind: int
    deferred: bool = False
    enabled: bool = True


def install() -> None:
    """Give the main database exactly the declared guards; nothing where it has them, or cannot have them."""
    if connection.vendor != "postgresql" or not list(_differing()):
        return
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in _statements():
            cursor.execute(statement)


def differences() -> list[str]:
    """Where the main database's guards are not the declared ones, a sentence each; each says what to do."""
    return [f"{sentence}. {PUT_RIGHT}" for sentence in _differing()] + list(_lifted_insert_only_guards())


def _differing() -> Iterator[str]:
    if connection.vendor != "postgresql":
        return
    bodies, triggers, wanted = _installed_functions(), _installed_triggers(), set(_triggers())
    for name, (_, _, body) in _functions().items():
        if bodies.get(name) != body:
            yield f"The function {name} is not the declared one"
    if wanted and NOTED not in bodies.get("anchoring_record", ""):
        yield f"The function anchoring_record does not say in {NOTED} which entries name rows: no guard would find them"
    for trigger in sorted(wanted - triggers, key=str):
        yield f"The guard {trigger.name} of table {trigger.table} is missing, switched off or not the declared one"
    for trigger in sorted(triggers - wanted, key=str):
        if _is_ours(trigger) and not any((t.table, t.name) == (trigger.table, trigger.name) for t in wanted):
            yield f"Table {trigger.table} has the guard {trigger.name}, which nothing declares"


def _lifted_insert_only_guards() -> Iterator[str]:
    """The migrations make these once; whoever finds one missing must ask who lifted it."""
    tables = [*INSERT_ONLY, "tile"]
    if connection.vendor == "postgresql":
        on = {(t.table, t.name) for t in _installed_triggers() if t.enabled}
        wanted = [(f"anchoring_{table}", "insert_only") for table in INSERT_ONLY]
        wanted += [("anchoring_tile", "grows"), ("anchoring_tile", "kept")]
        wanted += [(f"anchoring_{table}", "not_emptied") for table in tables]
    else:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
            on = set(cursor.fetchall())
        wanted = [(f"anchoring_{table}", f"anchoring_{table}_no_update") for table in INSERT_ONLY]
        wanted += [(f"anchoring_{table}", f"anchoring_{table}_no_delete") for table in tables]
        wanted.append(("anchoring_tile", "anchoring_tile_grows"))
    existing = set(connection.introspection.table_names())
    for table, name in wanted:
        if table in existing and (table, name) not in on:
            yield (
                f"The guard {name} of table {table} is missing or switched off: rows of it may have been changed."
                " Find out who lifted it, and compare with a backup"
            )


# --- What is declared ------------------------------------------------------------------------------------------------


def _functions() -> dict[str, tuple[str, str, str]]:
    """Name → arguments, what it returns, body."""
    guarded = _guarded()
    if not guarded:
        return {}
    return _SUPPORT | {_guard_of(table): ("", "trigger", _body(table, guarded[table])) for table in guarded}


def _triggers() -> Iterator[_Trigger]:
    for table in _guarded():
        yield _Trigger(table, "recorded", _guard_of(table), _ROW | _INSERT | _UPDATE | _DELETE, deferred=True)
        yield _Trigger(table, "recorded_not_emptied", _guard_of(table), _BEFORE | _TRUNCATE)


def _guarded() -> dict[str, RecordedTable]:
    """The declared tables, as far as the database has them: in the middle of migrations it may not."""
    existing = set(connection.introspection.table_names())
    if "anchoring_entry" not in existing:
        return {}
    return {table: declared for table, declared in recorded_tables().items() if table in existing}


def _guard_of(table: str) -> str:
    return f"anchoring_guard_{table}"


def _body(table: str, declared: RecordedTable) -> str:
    """The guard of one table, written out column by column: a loop over names would cost more than the comparison.

    An entry's names are sorted, so that one look at its bytes for one pattern (LIKE) finds all that must be named. In
    the patterns below ``$`` stands for the row's key.
    """
    pk = _column(declared.model, declared.model._meta.pk.attname)
    draft = _column(declared.model, declared.draft) if declared.draft else ""
    old_is_kept, new_is_kept = (f"{row}.{draft} IS NULL" if draft else "true" for row in ("OLD", "NEW"))
    fields = {name: _literal(f'"row.{table}.$.{name}":%') for name in sorted(declared.owners)}
    the_row, every = "%" + _literal(f'"row.{table}.$.%'), "%" + "".join(fields.values())
    changed = ", ".join(
        f"CASE WHEN NEW.{column} IS DISTINCT FROM OLD.{column} THEN '{field}' END"
        for name, field in fields.items()
        for column in [_column(declared.model, name)]
    )
    return f"""
DECLARE
  pattern text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NOT ({new_is_kept}) THEN RETURN NULL; END IF;
    pattern := '{every}';
  ELSIF TG_OP = 'UPDATE' THEN
    IF NEW.{pk} <> OLD.{pk} OR ({old_is_kept}) <> ({new_is_kept}) THEN
      IF {old_is_kept} THEN
        PERFORM anchoring_require_entries('{table}', OLD.{pk}::text, replace('{the_row}', '$', OLD.{pk}::text));
      END IF;
      pattern := '{every}';
    ELSIF {new_is_kept} THEN
      pattern := concat('%', {changed});
    END IF;
    IF coalesce(pattern, '%') = '%' THEN RETURN NULL; END IF;
  ELSIF TG_OP = 'DELETE' THEN
    IF {old_is_kept} THEN
      PERFORM anchoring_require_entries('{table}', OLD.{pk}::text, replace('{the_row}', '$', OLD.{pk}::text));
    END IF;
    RETURN NULL;
  ELSE
    RAISE EXCEPTION 'table % holds recorded rows: it can never be emptied', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
  END IF;
  pattern := replace(pattern, '$', NEW.{pk}::text);
  IF NOT EXISTS (SELECT {_ENTRIES} AND entry.data LIKE convert_to(pattern, 'UTF8')) THEN
    PERFORM anchoring_require_entries('{table}', NEW.{pk}::text, pattern);
  END IF;
  RETURN NULL;
END
"""


def _literal(name: str) -> str:
    """A name inside a LIKE pattern: an underscore would stand for any character."""
    return name.replace("_", "\\_")


def _column(model: type[Model], name: str) -> str:
    [column] = [field.column for field in model._meta.concrete_fields if field.attname == name]
    assert column is not None
    return connection.ops.quote_name(column)


# --- What is there ---------------------------------------------------------------------------------------------------


def _installed_functions() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
            " AND starts_with(proname, 'anchoring_')"
        )
        return dict(cursor.fetchall())


def _installed_triggers() -> set[_Trigger]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, tgname, proname, tgtype, tgdeferrable AND tginitdeferred, tgenabled IN ('O', 'A')"
            " FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid"
            " WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace"
        )
        return {_Trigger(*row) for row in cursor.fetchall()}


def _is_ours(trigger: _Trigger) -> bool:
    return trigger.function.startswith(_guard_of("")) or trigger.function in _SUPPORT


def _statements() -> Iterator[str]:
    """From whatever is there to what is declared."""
    for trigger in sorted(_installed_triggers(), key=str):
        if _is_ours(trigger):
            yield f"DROP TRIGGER {trigger.name} ON {connection.ops.quote_name(trigger.table)}"
    functions = _functions()
    for name in sorted(_installed_functions()):
        if name.startswith(_guard_of("")) and name not in functions:
            yield f"DROP FUNCTION {name}()"
    for name, (arguments, returns, body) in functions.items():
        head = f"CREATE OR REPLACE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE plpgsql"
        yield f"{head} AS $guard${body}$guard$"
    for trigger in _triggers():
        yield _create(trigger)


def _create(trigger: _Trigger) -> str:
    table = connection.ops.quote_name(trigger.table)
    run = f"EXECUTE FUNCTION {trigger.function}()"
    if trigger.kind & _TRUNCATE:
        return f"CREATE TRIGGER {trigger.name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {run}"
    return (
        f"CREATE CONSTRAINT TRIGGER {trigger.name} AFTER INSERT OR UPDATE OR DELETE ON {table}"
        f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {run}"
    )
