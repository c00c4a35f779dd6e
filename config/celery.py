"""The Celery application: it rings the outbox's doorbell and keeps the clockwork."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("redshop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
