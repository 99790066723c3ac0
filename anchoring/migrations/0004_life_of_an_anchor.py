"""The life of an anchor: state leaves, dearer attempts, blocks seen, retractions, handovers; all of it insert-only.

Attempts of before get the columns that their signed bytes hold. SQLite rebuilds an altered table and loses its
triggers on the way, so that all of them are put up again.
"""

import django.db.models.deletion
import rlp
from django.db import migrations, models

OLD = ["entry", "opening", "leaf", "checkpoint", "trustversion", "registration", "anchor", "attempt", "confirmation"]
NEW = ["state", "sighting", "retraction", "handover"]
MESSAGE = "the log is insert-only: this row can never be changed or removed"


def lift(apps, schema_editor):
    """Take the guards off the tables that change."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE anchoring_attempt DISABLE TRIGGER USER")
        return
    for table in OLD:
        for verb in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS anchoring_{table}_no_{verb}")


def fill(apps, schema_editor):
    """Sender and fees of the attempts that are there, from the signed bytes (EIP-1559)."""
    attempts = apps.get_model("anchoring", "Attempt").objects
    for attempt in attempts.select_related("anchor__registration"):
        _chain, _nonce, tip, cap, gas, *_ = rlp.decode(bytes(attempt.raw)[1:])
        attempts.filter(pk=attempt.pk).update(
            sender=bytes(attempt.anchor.registration.controller), tip=int.from_bytes(tip, "big"),
            cap=int.from_bytes(cap, "big"), gas=int.from_bytes(gas, "big"),
        )


def guard(apps, schema_editor):
    """Put the guards up, on the new tables as well."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE anchoring_attempt ENABLE TRIGGER USER")
        for table in NEW:
            schema_editor.execute(
                f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON anchoring_{table}"
                " FOR EACH ROW EXECUTE FUNCTION anchoring_refuse()"
            )
            schema_editor.execute(
                f"CREATE TRIGGER not_emptied BEFORE TRUNCATE ON anchoring_{table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION anchoring_refuse()"
            )
        return
    for table in [*OLD, *NEW]:
        for verb in ("update", "delete"):
            schema_editor.execute(
                f"CREATE TRIGGER anchoring_{table}_no_{verb} BEFORE {verb.upper()} ON anchoring_{table}"
                f" BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
            )


class Migration(migrations.Migration):

    dependencies = [
        ('anchoring', '0003_record'),
    ]

    operations = [
        migrations.RunPython(lift),
        migrations.CreateModel(
            name='Handover',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sender', models.BinaryField(max_length=20)),
                ('controller', models.BinaryField(max_length=20)),
                ('nonce', models.BigIntegerField()),
                ('tip', models.BigIntegerField()),
                ('cap', models.BigIntegerField()),
                ('raw', models.BinaryField()),
                ('transaction', models.BinaryField(max_length=32, unique=True)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Sighting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('block_number', models.BigIntegerField()),
                ('block_hash', models.BinaryField(max_length=32)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Retraction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('block_hash', models.BinaryField(max_length=32)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='State',
            fields=[
                ('size', models.BigIntegerField(primary_key=True, serialize=False)),
                ('root', models.BinaryField(max_length=32)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='attempt',
            name='cap',
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='attempt',
            name='gas',
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='attempt',
            name='sender',
            field=models.BinaryField(default=b'', max_length=20),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='attempt',
            name='tip',
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='confirmation',
            name='nth',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='registration',
            name='follows',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='followed_by', to='anchoring.registration'),
        ),
        migrations.AddField(
            model_name='sender',
            name='accepted',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='tick',
            name='said',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='tick',
            name='seen',
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name='confirmation',
            name='anchor',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='confirmations', to='anchoring.anchor'),
        ),
        migrations.AlterField(
            model_name='confirmation',
            name='attempt',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='confirmations', to='anchoring.attempt'),
        ),
        migrations.AddConstraint(
            model_name='confirmation',
            constraint=models.UniqueConstraint(fields=('anchor', 'nth'), name='confirmation_once'),
        ),
        migrations.AddField(
            model_name='handover',
            name='registration',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handovers', to='anchoring.registration'),
        ),
        migrations.AddField(
            model_name='sighting',
            name='attempt',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sightings', to='anchoring.attempt'),
        ),
        migrations.AddField(
            model_name='retraction',
            name='confirmation',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to='anchoring.confirmation'),
        ),
        migrations.AddField(
            model_name='state',
            name='entry',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to='anchoring.entry'),
        ),
        migrations.AddConstraint(
            model_name='sighting',
            constraint=models.UniqueConstraint(fields=('attempt', 'block_hash'), name='sighting_once'),
        ),
        migrations.AddField("confirmation", "gas_used", models.BigIntegerField(null=True)),
        migrations.AddField("confirmation", "gas_price", models.BigIntegerField(null=True)),
        migrations.AddField("sender", "balance_gwei", models.BigIntegerField(null=True)),
        migrations.AddField("sender", "anchor_gwei", models.BigIntegerField(null=True)),
        migrations.AddField("sender", "looked_at", models.DateTimeField(null=True)),
        migrations.RunSQL("DELETE FROM anchoring_tick", migrations.RunSQL.noop),  # its steps have other names now
        migrations.RunPython(fill),
        migrations.RunPython(guard),
    ]
