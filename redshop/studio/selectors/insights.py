"""Which notes insight is computed from unless told otherwise."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings

from redshop.studio.insight.rows import Scope

#: Notes of so many days are compared, at the age of so many.
LATELY: Final = timedelta(days=90)
AGE: Final = 7


def usual_scope(
    *, population: str, at: datetime, lately: timedelta = LATELY, days: int = AGE
) -> Scope:
    """Return the scope of the platform's last months, in its own currency and time."""
    return Scope(
        since=at - lately,
        until=at,
        population=population,
        currency=settings.PLATFORM_CURRENCY,
        zone=ZoneInfo(settings.PLATFORM_TIME_ZONE),
        days=days,
    )
