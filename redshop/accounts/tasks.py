"""What accounts do when something became true, and now and then."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from redshop.accounts.services import access, avatars, erasure, exports, mail, sessions
from redshop.core import outbox

#: How long a session that ended is remembered.
MEMORY: Final = timedelta(days=90)


@outbox.subscribe("mail.requested", is_alone=True)  # it waits for another machine
def send_mail(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Send the mail that a committed transaction asked for."""
    mail.send(
        letter=payload["letter"],
        person_id=payload["person_id"],
        reference=payload["reference"],
        at=at,
    )


@outbox.subscribe("avatar.replaced")
def discard_avatar(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Delete the file of an avatar that was replaced; shared ones stay while somebody has them."""
    avatars.discard(payload["name"])


@outbox.subscribe("erasure.asked", is_alone=True)
def erase(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Take out of every table what identifies somebody who asked for it."""
    erasure.erase(person_id=payload["person_id"], at=at)


@outbox.subscribe("export.asked", is_alone=True)
def gather(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Gather everything held about a person who asked for it."""
    exports.gather(export_id=UUID(payload["export_id"]), at=at)


@shared_task(name="redshop.accounts.tasks.forget_exports")
def forget_exports(**_newer: Any) -> None:
    """Delete exports past their days, and records of access past theirs."""
    exports.forget_expired(at=timezone.now())
    access.forget_old(at=timezone.now())


@shared_task(name="redshop.accounts.tasks.forget_ended_sessions")
def forget_ended_sessions(**_newer: Any) -> None:
    """Delete sessions of devices that ended long ago, and those of browsers that have expired."""
    sessions.forget_expired_cookies(at=timezone.now())
    sessions.forget_ended(before=timezone.now() - MEMORY)
