"""What accounts do when something became true."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from redshop.accounts.services import mail
from redshop.core import outbox


@outbox.subscribe("mail.requested")
def send_mail(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Send the mail that a committed transaction asked for."""
    mail.send(template=payload["template"], person_id=payload["person_id"])
