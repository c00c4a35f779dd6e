from django.db import migrations


class Migration(migrations.Migration):
    """pgvector, for whatever is compared by likeness."""

    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS vector", migrations.RunSQL.noop),
    ]
