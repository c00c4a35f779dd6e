"""Whether a line is attributed, said without a negation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversion", "0003_credits_as_a_ledger")]

    operations = [
        migrations.RemoveConstraint(
            model_name="attribution", name="attribution_unattributed_has_no_touch"
        ),
        migrations.RenameField(
            model_name="attribution", old_name="is_unattributed", new_name="is_attributed"
        ),
        migrations.AlterField(
            model_name="attribution",
            name="is_attributed",
            field=models.BooleanField(default=False, verbose_name="attributed"),
        ),
        migrations.RunSQL(
            "UPDATE conversion_attribution SET is_attributed = NOT is_attributed",
            "UPDATE conversion_attribution SET is_attributed = NOT is_attributed",
        ),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="attribution",
            constraint=models.CheckConstraint(
                condition=models.Q(is_attributed=False, touches=0)
                | models.Q(is_attributed=True, touches__gt=0),
                name="attribution_needs_a_touch",
            ),
        ),
    ]
