from typing import Any

from django.core.management.base import BaseCommand

from config.celery import app


class Command(BaseCommand):
    help = "Keep the clockwork: ask the workers for what is due by the calendar."
    requires_system_checks = ()

    def handle(self, **_options: Any) -> None:
        app.start(["beat", "--loglevel=INFO", "--pidfile="])
