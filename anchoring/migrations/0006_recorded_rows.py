"""``anchoring_record`` (0003) also notes, for as long as the transaction lasts, which of its entries name business rows.

The guards of recorded rows (``anchoring.guards``) look there when the transaction commits. Adding to a setting costs
some microseconds; a trigger on the entries would cost several times as much, for every entry.
"""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION anchoring_record(
  entry_id uuid, kind text, subject_type text, subject_id text, at timestamptz, data bytea, owners text[], sealed bytea[]
) RETURNS bigint LANGUAGE plpgsql AS
$$ DECLARE recorded bigint; noted text;
BEGIN
  INSERT INTO anchoring_entry (id, kind, subject_type, subject_id, at, data)
  VALUES (entry_id, kind, subject_type, subject_id, at, data) RETURNING seq INTO recorded;
  INSERT INTO anchoring_pending (entry_id) VALUES (recorded);
  INSERT INTO anchoring_opening (entry_id, owner, sealed) SELECT recorded, part.* FROM unnest(owners, sealed) AS part;
  IF position('"row.'::bytea IN data) > 0 THEN
    noted := nullif(current_setting('anchoring.entries', true), '');
    noted := set_config('anchoring.entries', concat_ws(',', noted, recorded), true);
  END IF;
  RETURN recorded;
END $$
"""


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FUNCTION)


class Migration(migrations.Migration):
    dependencies = [("anchoring", "0005_receipt_proof")]
    operations = [migrations.RunPython(install)]
