"""A person's own profile and preferences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from redshop.accounts.models import Preference, User
from redshop.accounts.services import avatars
from redshop.core import outbox

EDITABLE: Final = frozenset(
    {"display_name", "bio", "locale", "gender", "birth_year", "city", "avatar"}
)


def update_profile(*, person_id: int, changes: Mapping[str, Any], at: datetime) -> User:
    """Change what a person shows of themselves; return them as they are now.

    A new ``avatar`` is an uploaded file, None takes the old one away.

    Locks: the person.

    Raises:
        AvatarTooLarge, AvatarUnreadable: it cannot be one; nothing is changed.
    """
    wanted = {name: changes[name] for name in EDITABLE & set(changes)}
    if "avatar" not in wanted:
        return _write(person_id=person_id, changes=wanted, at=at)
    upload = wanted["avatar"]
    wanted["avatar"] = avatars.store(avatars.prepared(upload)) if upload else ""
    try:
        return _write(person_id=person_id, changes=wanted, at=at)
    except BaseException:
        avatars.discard(wanted["avatar"])
        raise


@transaction.atomic(durable=True)
def _write(*, person_id: int, changes: Mapping[str, Any], at: datetime) -> User:
    user = User.objects.locked().get(pk=person_id)
    worn = user.avatar.name
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=sorted(changes))
    if worn and worn != user.avatar.name:
        payload = {"name": worn}
        outbox.publish("avatar.replaced", key=f"{person_id}:{worn}", payload=payload, at=at)
    return user


@transaction.atomic(durable=True)
def set_preferences(
    *,
    person_id: int,
    is_personalised: bool | None = None,
    topics: Mapping[str, str] | None = None,
) -> Preference:
    """Set how a person wants to be served; what is None stays as it is.

    Locks: the person.
    """
    User.objects.locked().get(pk=person_id)
    preference, _ = Preference.objects.get_or_create(user_id=person_id)
    if is_personalised is not None:
        preference.is_personalised = is_personalised
    if topics is not None:
        preference.topics = dict(topics)
    preference.save()
    return preference
