"""The rules to start from, which are changed in the admin, and what tells when they change."""

from django.db import migrations

CN_LEVY = (
    "70 % of the 13 % VAT, and no tariff, on cross-border e-commerce retail imports: Ministry of "
    "Finance, General Administration of Customs and State Taxation Administration, circular "
    "Caiguanshui [2016] No. 18, in force since 8 April 2016; VAT at 13 % since 1 April 2019. "
    "Up to 5,000 CNY an order, and without the consumption tax that some cosmetics bear."
)

# As in models/pricing.py: a function that a trigger runs. A new category needs no new edition:
# who does not know one reads the rules again.
EDITION = """
INSERT INTO orders_rulesedition (id, edition) VALUES (1, gen_random_uuid()) ON CONFLICT DO NOTHING;
CREATE FUNCTION orders_category_renews_edition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders_rulesedition (id, edition) VALUES (1, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET edition = EXCLUDED.edition;
    RETURN NULL;
END;
$$;
CREATE TRIGGER orders_category_renews_edition
AFTER UPDATE OR DELETE OR TRUNCATE ON catalog_category
FOR EACH STATEMENT EXECUTE FUNCTION orders_category_renews_edition();
"""
NO_EDITION = """
DROP TRIGGER orders_category_renews_edition ON catalog_category;
DROP FUNCTION orders_category_renews_edition();
"""


def seed(apps, schema_editor):
    """Within a country shipping is free, in every currency; across a border it costs."""
    rate = apps.get_model("orders", "ShippingRate")
    abroad = {"is_cross_border": True, "days_least": 7, "days_most": 21}
    rates = [
        rate(days_least=2, days_most=5),
        rate(**abroad),
        rate(**abroad, currency="CNY", fee_minor=3000, free_from_minor=50_000),
    ]
    rate.objects.bulk_create(rates, ignore_conflicts=True)
    duty = apps.get_model("orders", "DutyRate")
    duties = [
        duty(country="CN", basis_points=910, source="published", citation=CN_LEVY),
        duty(basis_points=1000, source="assumed"),
    ]
    duty.objects.bulk_create(duties, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_prices")]

    operations = [
        migrations.RunSQL(EDITION, NO_EDITION),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
