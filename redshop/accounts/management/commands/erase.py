"""Erase a person, as they may ask for in writing."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from redshop.accounts.models import User
from redshop.accounts.services import erasure


class Command(BaseCommand):
    help = (
        "Erase a person: the account is shut at once; workers take out what identifies, and write "
        "the lake anew. It cannot be taken back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("handle")
        parser.add_argument("--yes", action="store_true", help="Do not ask whether it is meant.")

    def handle(self, *, handle: str, yes: bool, **_options: Any) -> None:
        person = User.objects.with_handle(handle).first()
        if person is None:
            raise CommandError(f"There is nobody called {handle}.")
        if not yes and input(f"Erase @{person.handle}? Type the handle: ") != person.handle:
            raise CommandError("Nothing was done.")
        asked = erasure.ask_for(person_id=person.pk, at=timezone.now())
        self.stdout.write(f"Asked for at {asked.asked_at:%Y-%m-%d %H:%M}; person {person.pk}.")
