"""What accounts, and what is Django's own, hold about people, and how they let go of them."""

import secrets
from datetime import datetime
from typing import Final

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session

from redshop.accounts.models import User
from redshop.accounts.services import avatars, exports
from redshop.core.data_map import Erasure, Leaving, describe, erases

ACCOUNT: Final = "as long as the account"

describe(
    "accounts.User",
    whose="pk",
    erasure=Erasure.BY_HAND,
    kept=ACCOUNT,
    key="id",
    identifies="handle email display_name avatar",
    words="bio",
    about="email_verified_at last_login locale gender birth_year city joined_at",
    secret="password",  # noqa: S106 - names of fields
    plain="population is_active is_staff is_superuser is_analyst is_moderator",
)
describe(
    "accounts.AccessToken",
    whose="user",
    erasure=Erasure.DELETED,
    kept="90 days after it ends",
    key="user",
    identifies="device visitor_id",
    secret="digest",  # noqa: S106 - names of fields
    about="created_at last_used_at",
    plain="id expires_at revoked_at",
)
describe(
    "accounts.Follow",
    whose="follower followed",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="follower followed",
    about="created_at",
    plain="id",
)
describe(
    "accounts.Block",
    whose="blocker blocked",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="blocker blocked",
    about="created_at",
    plain="id",
)
describe(
    "accounts.Consent",
    whose="user",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="user",
    about="purpose is_granted changed_at",
    plain="id",
)
describe(
    "accounts.Preference",
    whose="user",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="user",
    about="is_personalised topics",
)
describe(
    "accounts.Notification",
    whose="recipient actor",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="recipient actor",
    about="kind subject created_at read_at",
    plain="id",
)
describe(
    "accounts.Erasure",
    whose="person",
    erasure=Erasure.KEPT,
    kept="for good: it is the proof",
    key="person",
    about="asked_at erased_at",
    plain="id touched",
)
describe(
    "accounts.Export",
    whose="person",
    erasure=Erasure.BY_HAND,
    kept="7 days; its file as long",
    key="person",
    about="asked_at",
    identifies="file",
    plain="id ready_at expires_at bytes",
)
describe(
    "accounts.AccessRecord",
    whose="person",
    erasure=Erasure.KEPT,
    kept="two years",
    key="person staff",
    about="subject page at",
    plain="id",
)
describe(
    "admin.LogEntry",
    erasure=Erasure.BY_HAND,
    kept="for good",
    key="user",
    identifies="object_repr",
    words="change_message",
    about="action_time action_flag object_id",
    plain="id content_type",
)
describe(
    "sessions.Session",
    erasure=Erasure.BY_HAND,
    kept="14 days",
    secret="session_key session_data",  # noqa: S106 - names of fields
    plain="expire_date",
)
describe(
    "otp_totp.TOTPDevice",
    whose="user",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="user",
    secret="key",  # noqa: S106 - names of fields
    about="created_at last_used_at",
    plain="id name confirmed step t0 digits tolerance drift last_t throttling_failure_count"
    " throttling_failure_timestamp",
)
describe(
    "otp_static.StaticDevice",
    whose="user",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="user",
    about="created_at last_used_at",
    plain="id name confirmed throttling_failure_count throttling_failure_timestamp",
)
describe(
    "otp_static.StaticToken",
    whose="device__user",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    secret="token",  # noqa: S106 - names of fields
    plain="id device",
)
describe("auth.Permission", plain="id name content_type codename")
describe("auth.Group", plain="id name")
describe("contenttypes.ContentType", plain="id app_label model")


@erases
def close(person: Leaving, at: datetime) -> None:
    """Make the account one that nobody has: shut, without a name, a face or a word."""
    user = User.objects.locked().get(pk=person.person_id)
    avatars.give_up(user, at=at)
    nobody = f"erased_{secrets.token_hex(8)}"
    User.objects.filter(pk=user.pk).update(
        handle=nobody,
        email=f"{nobody}@erased.invalid",
        email_verified_at=None,
        display_name="",
        bio="",
        avatar="",
        locale="en",
        gender="",
        birth_year=None,
        city="",
        last_login=None,
        password=make_password(None),
        is_active=False,
        is_staff=False,
        is_superuser=False,
        is_analyst=False,
        is_moderator=False,
    )
    _leave_admin(user, nobody=nobody)


def _leave_admin(user: User, *, nobody: str) -> None:
    """Rename the person in the admin's own history, and end their sessions there."""
    pages = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk)
    )
    pages.update(object_repr=nobody, change_message="")
    if not user.is_staff:
        return
    theirs = [
        session.pk
        for session in Session.objects.iterator()
        if session.get_decoded().get("_auth_user_id") == str(user.pk)
    ]
    Session.objects.filter(pk__in=theirs).delete()


@erases
def discard_exports(person: Leaving, at: datetime) -> None:
    """Delete what was gathered for the person to take along."""
    exports.discard_all(person_id=person.person_id, at=at)
