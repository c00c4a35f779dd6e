"""An amount says how much; the kind says which way. Written by hand: the table is partitioned."""

from django.db import migrations, models

ADD = "ALTER TABLE events_event ADD CONSTRAINT event_amount_minor CHECK (amount_minor >= 0)"
DROP = "ALTER TABLE events_event DROP CONSTRAINT event_amount_minor"


class Migration(migrations.Migration):
    dependencies = [("events", "0006_event_id_wording")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ADD, DROP)],
            state_operations=[
                migrations.AlterField(
                    model_name="event",
                    name="amount_minor",
                    field=models.PositiveBigIntegerField(null=True),
                )
            ],
        ),
    ]
