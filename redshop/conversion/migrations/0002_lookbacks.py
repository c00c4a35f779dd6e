"""The lookbacks to start from; they are changed in the admin."""

from django.db import migrations

DAYS = {
    "beauty": 30,
    "fashion": 15,
    "home": 30,
    "mother-and-baby": 90,
    "food": 7,
    "electronics": 30,
    "": 15,
}


def seed(apps, schema_editor):
    lookback = apps.get_model("conversion", "Lookback")
    lookback.objects.bulk_create(
        [lookback(category_slug=slug, days=days) for slug, days in DAYS.items()],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("conversion", "0001_initial")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
