"""The default's cap on an author holds for a session, not for an answer alone."""

from datetime import date

from django.db import migrations


def seed(apps, schema_editor):
    policies = apps.get_model("notes", "RankingPolicy").objects
    third = policies.filter(name="ces_folk", version=3).first()
    if third is None or policies.filter(name="ces_folk", version=4).exists():
        return  # whoever made a fourth version keeps it
    was_default = third.is_default
    policies.filter(pk=third.pk).update(is_default=False)
    policies.create(
        name="ces_folk",
        version=4,
        since=date(2026, 11, 29),
        depth=third.depth,
        numbers={**third.numbers, "session_minutes": 30},
        words=third.words.replace(
            "an answer holds eight notes of an author at most",
            "an answer holds eight notes of an author at most, less those of theirs that were on "
            "your screen in the half hour before",
        ),
        is_default=was_default,
    )


class Migration(migrations.Migration):
    dependencies = [("notes", "0007_first_policies")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
