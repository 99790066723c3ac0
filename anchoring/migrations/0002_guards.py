"""The log's tables refuse to be changed: by triggers, whoever asks, with whatever tool.

UPDATE, DELETE and (on PostgreSQL) TRUNCATE are refused on insert-only tables; a tile may only grow, and not once it is full.
"""

from django.db import migrations

INSERT_ONLY = ["entry", "opening", "leaf", "checkpoint", "trustversion", "registration", "anchor", "attempt", "confirmation"]
MESSAGE = "the log is insert-only: this row can never be changed or removed"

POSTGRES_FUNCTIONS = f"""
CREATE FUNCTION anchoring_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME; END $$;
CREATE FUNCTION anchoring_tile_grows() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
  IF length(OLD.hashes) >= 8192 OR (NEW.id, NEW.level, NEW.n) <> (OLD.id, OLD.level, OLD.n)
     OR substring(NEW.hashes FROM 1 FOR length(OLD.hashes)) <> OLD.hashes
  THEN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME; END IF;
  RETURN NEW;
END $$;
ALTER TABLE anchoring_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
"""


def install(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    statements = _postgresql() if vendor == "postgresql" else _sqlite()
    with schema_editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _postgresql():
    yield POSTGRES_FUNCTIONS
    for table in INSERT_ONLY:
        yield (f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON anchoring_{table}"
               " FOR EACH ROW EXECUTE FUNCTION anchoring_refuse()")
    yield "CREATE TRIGGER grows BEFORE UPDATE ON anchoring_tile FOR EACH ROW EXECUTE FUNCTION anchoring_tile_grows()"
    yield "CREATE TRIGGER kept BEFORE DELETE ON anchoring_tile FOR EACH ROW EXECUTE FUNCTION anchoring_refuse()"
    for table in [*INSERT_ONLY, "tile"]:
        yield (f"CREATE TRIGGER not_emptied BEFORE TRUNCATE ON anchoring_{table}"
               " FOR EACH STATEMENT EXECUTE FUNCTION anchoring_refuse()")


def _sqlite():
    refuse = f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    for table in INSERT_ONLY:
        yield f"CREATE TRIGGER anchoring_{table}_no_update BEFORE UPDATE ON anchoring_{table} {refuse}"
    for table in [*INSERT_ONLY, "tile"]:
        yield f"CREATE TRIGGER anchoring_{table}_no_delete BEFORE DELETE ON anchoring_{table} {refuse}"
    yield (
        "CREATE TRIGGER anchoring_tile_grows BEFORE UPDATE ON anchoring_tile"
        " WHEN length(OLD.hashes) >= 8192 OR NEW.id <> OLD.id OR NEW.level <> OLD.level OR NEW.n <> OLD.n"
        " OR length(NEW.hashes) < length(OLD.hashes)"  # substr() of an empty blob is NULL, which compares as nothing
        f" OR substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes {refuse}"
    )


class Migration(migrations.Migration):
    dependencies = [("anchoring", "0001_initial")]
    operations = [migrations.RunPython(install)]
