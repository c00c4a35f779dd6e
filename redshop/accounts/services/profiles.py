"""A person's own profile and preferences."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from redshop.accounts.models import Preference, User

EDITABLE: Final = frozenset(
    {"display_name", "bio", "locale", "gender", "birth_year", "city", "avatar"}
)


@transaction.atomic(durable=True)
def update_profile(*, person_id: int, changes: Mapping[str, Any]) -> User:
    """Change what a person shows of themselves; return them as they are now.

    Locks: the person.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=person_id)
    for name in EDITABLE & set(changes):
        setattr(user, name, changes[name])
    user.save(update_fields=sorted(EDITABLE & set(changes)))
    return user


@transaction.atomic(durable=True)
def set_preferences(
    *, person_id: int, is_personalised: bool, topics: Mapping[str, str]
) -> Preference:
    """Set how a person wants to be served; a dial at its default is not kept."""
    turned = {slug: dial for slug, dial in topics.items() if dial != "default"}
    preference, _ = Preference.objects.update_or_create(
        user_id=person_id, defaults={"is_personalised": is_personalised, "topics": turned}
    )
    return preference
