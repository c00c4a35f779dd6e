"""Partitions for the months around the installation; beat makes the later ones ahead of time."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

from redshop.events import partitions


def make(apps: object, schema_editor: object) -> None:
    now = timezone.now()
    partitions.ensure(since=now - timedelta(days=40), until=now + timedelta(days=70))


class Migration(migrations.Migration):
    dependencies = [("events", "0003_append_only")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
