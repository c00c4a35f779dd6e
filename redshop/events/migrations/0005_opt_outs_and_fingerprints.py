"""People who withdrew consent to analytics; bad rows recognised when they come again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0004_first_partitions")]

    operations = [
        migrations.CreateModel(
            name="OptOut",
            fields=[
                ("person_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("since", models.DateTimeField()),
            ],
            options={
                "verbose_name": "opt-out from analytics",
                "verbose_name_plural": "opt-outs from analytics",
            },
        ),
        migrations.RunSQL("DELETE FROM events_rejectedevent", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="rejectedevent",
            name="fingerprint",
            field=models.UUIDField(
                help_text="The same for a row that its sender sends again.", unique=True
            ),
            preserve_default=False,
        ),
    ]
