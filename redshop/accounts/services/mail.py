"""Mail is asked for in the transaction that calls for it, and sent when that has committed."""

from datetime import datetime
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.mail import send_mail

from redshop.accounts.models import User
from redshop.core import outbox
from redshop.core.db import requires_transaction

VERIFICATION_SALT: Final = "redshop.accounts.email"
VERIFICATION_SECONDS: Final = 3 * 24 * 3600
VERIFICATION: Final = """Hello {name},

confirm your address in the app with this code:

{code}
"""
RESET: Final = """Hello {name},

choose a new password in the app with this code:

{code}

If you did not ask for it, nothing has changed.
"""


@requires_transaction
def request_verification(*, user: User, at: datetime) -> None:
    """Ask for the mail that lets a person prove their address; simulated people get none."""
    if user.population == "real":
        _request("verification", user=user, at=at)


@requires_transaction
def request_reset(*, user: User, at: datetime) -> None:
    """Ask for the mail that lets a person choose a new password."""
    _request("reset", user=user, at=at)


def _request(template: str, *, user: User, at: datetime) -> None:
    outbox.publish(
        "mail.requested",
        key=str(uuid4()),
        payload={"template": template, "person_id": user.pk},
        at=at,
    )


def send(*, template: str, person_id: int) -> None:
    """Send one mail; a repeat after a crash sends it again, which harms nobody."""
    user = User.objects.filter(pk=person_id, is_active=True).first()
    if user is None:
        return
    subject, body = _verification(user) if template == "verification" else _reset(user)
    send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [user.email])


def verification_token(user: User) -> str:
    """Return a signed token that proves who reads the mail sent to this address."""
    return signing.dumps([user.pk, user.email], salt=VERIFICATION_SALT)


def _verification(user: User) -> tuple[str, str]:
    code = verification_token(user)
    return "Confirm your address", VERIFICATION.format(name=user.get_full_name(), code=code)


def _reset(user: User) -> tuple[str, str]:
    code = f"{user.pk}.{default_token_generator.make_token(user)}"
    return "Choose a new password", RESET.format(name=user.get_full_name(), code=code)
