"""Mail is asked for in the transaction that calls for it, and sent when that has committed."""

from datetime import datetime
from email.utils import parseaddr
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage

from redshop.accounts import links
from redshop.accounts.models import User
from redshop.core import outbox
from redshop.core.db import requires_transaction
from redshop.core.ids import uuid7
from redshop.core.populations import Population

VERIFICATION: Final = """Hello @{handle},

confirm your address in the app with this code, within a week:

{code}

If you did not register here, do nothing.
"""
RESET: Final = """Hello @{handle},

choose a new password in the app with this code, within an hour:

{code}

If you did not ask for it, do nothing: your password stays as it is.
"""
_LETTERS: Final = {
    links.Purpose.VERIFICATION: ("Confirm your address", VERIFICATION),
    links.Purpose.RESET: ("Choose a new password", RESET),
}


@requires_transaction
def request(*, letter: links.Purpose, user: User | None, at: datetime) -> None:
    """Ask for a letter, at most one of a kind a minute to each person.

    Where there is nobody to write to, the same is written down and nothing sent, so that who
    asks cannot tell. Simulated people get no mail.
    """
    is_real = user is not None and user.population == Population.REAL
    person_id = user.pk if user is not None and is_real else None
    outbox.publish(
        "mail.requested",
        key=f"{letter}:{person_id}:{at:%Y%m%d%H%M}",
        payload={"letter": letter, "person_id": person_id, "reference": uuid7().hex},
        at=at,
    )


def send(*, letter: str, person_id: int | None, reference: str, at: datetime) -> None:
    """Send one letter; should a crash make it two, both bear the same Message-ID."""
    user = User.objects.active().filter(pk=person_id).first() if person_id else None
    if user is None:
        return
    purpose = links.Purpose(letter)
    subject, text = _LETTERS[purpose]
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2]
    EmailMessage(
        subject,
        text.format(handle=user.handle, code=links.code_for(user, purpose=purpose, at=at)),
        to=[user.email],
        headers={"Message-ID": f"<{reference}@{domain}>"},
    ).send()
