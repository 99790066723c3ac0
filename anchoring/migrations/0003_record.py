"""PostgreSQL writes an entry, its openings and its place in the pending list in one function.

The server keeps the plans of a function's statements for as long as a connection lives; the same four inserts as one
statement are planned again for every entry, which costs more than carrying them out.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION anchoring_record(
  entry_id uuid, kind text, subject_type text, subject_id text, at timestamptz, data bytea, owners text[], sealed bytea[]
) RETURNS bigint LANGUAGE plpgsql AS
$$ DECLARE recorded bigint;
BEGIN
  INSERT INTO anchoring_entry (id, kind, subject_type, subject_id, at, data)
  VALUES (entry_id, kind, subject_type, subject_id, at, data) RETURNING seq INTO recorded;
  INSERT INTO anchoring_pending (entry_id) VALUES (recorded);
  INSERT INTO anchoring_opening (entry_id, owner, sealed) SELECT recorded, part.* FROM unnest(owners, sealed) AS part;
  RETURN recorded;
END $$
"""


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FUNCTION)


class Migration(migrations.Migration):
    dependencies = [("anchoring", "0002_guards")]
    operations = [migrations.RunPython(install)]
