"""The map's pages and heads, and the auditors' cosignatures, which are insert-only.

A page is some kilobytes of hashes: on PostgreSQL it stays in its row, because fetching it from elsewhere costs more.
"""

import django.db.models.deletion
from django.db import migrations, models

POSTGRES = """
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON anchoring_cosignature
  FOR EACH ROW EXECUTE FUNCTION anchoring_refuse();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON anchoring_cosignature
  FOR EACH STATEMENT EXECUTE FUNCTION anchoring_refuse();
ALTER TABLE anchoring_mappage ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE anchoring_mappage SET (toast_tuple_target = 8160);
"""

MESSAGE = "the log is insert-only: this row can never be changed or removed"
SQLITE = [
    f"CREATE TRIGGER anchoring_cosignature_no_{act.lower()} BEFORE {act} ON anchoring_cosignature"
    f" BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    for act in ("UPDATE", "DELETE")
]


def install(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for statement in [POSTGRES] if schema_editor.connection.vendor == "postgresql" else SQLITE:
            cursor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('anchoring', '0007_scan'),
    ]

    operations = [
        migrations.CreateModel(
            name='MapHead',
            fields=[
                ('size', models.BigIntegerField(primary_key=True, serialize=False)),
                ('root', models.BinaryField(max_length=32)),
                ('subjects', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='MapPage',
            fields=[
                ('pk', models.CompositePrimaryKey('level', 'n', 'size', blank=True, editable=False, primary_key=True, serialize=False)),
                ('level', models.PositiveSmallIntegerField()),
                ('n', models.BigIntegerField()),
                ('size', models.BigIntegerField(db_index=True)),
                ('content', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='Cosignature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('auditor', models.CharField(max_length=255)),
                ('line', models.TextField()),
                ('at', models.DateTimeField()),
                ('checkpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cosignatures', to='anchoring.checkpoint')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('checkpoint', 'auditor'), name='cosignature_once')],
                'permissions': [('read_entries', "Can read the log's entries as an auditor, and cosign")],
            },
        ),
        migrations.RunPython(install),
    ]
