"""What the platform keeps, to start from; changed in the admin. The figures are those of the
simulation's calibration.toml, which a test compares."""

from django.db import migrations

BY_CATEGORY = "published rates 2025-26 (2-5 % by category)"
RATES = [
    ("marketplace", "fashion", 500, BY_CATEGORY),
    ("marketplace", "beauty", 400, BY_CATEGORY),
    ("marketplace", "food", 200, BY_CATEGORY),
    ("marketplace", "", 300, BY_CATEGORY),
    ("payment", "", 60, "published rates 2025-26"),
]


def seed(apps, schema_editor):
    rate = apps.get_model("orders", "CommissionRate")
    rows = [
        rate(charge=charge, category_slug=slug, basis_points=bp, evidence="claimed", source=source)
        for charge, slug, bp, source in RATES
    ]
    rate.objects.bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("orders", "0008_books")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
