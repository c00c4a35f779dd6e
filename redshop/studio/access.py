"""Whose studio it is: everything for superusers, the brands that one works for otherwise."""

from typing import Any

from django.db.models import QuerySet

from redshop.accounts.models import User
from redshop.conversion.access import brands_of
from redshop.studio.models import Brief


def may_enter(user: User) -> bool:
    """Tell whether somebody has a studio at all: staff that is a superuser or works for a brand."""
    return bool(user.is_active and user.is_staff and (user.is_superuser or brands_of(user)))


def within(rows: QuerySet[Any], user: User, *, brand: str) -> QuerySet[Any]:
    """Keep the rows of somebody's brands; ``brand`` leads from a row to its brand."""
    if user.is_superuser:
        return rows
    return rows.filter(**{f"{brand}__in": brands_of(user)})


def briefs_of(user: User) -> QuerySet[Brief]:
    """Return the briefs that somebody may see."""
    return within(Brief.objects.all(), user, brand="brand")
