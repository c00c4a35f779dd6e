"""Who of the staff looked at whose data."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError

from redshop.accounts.models import AccessRecord
from redshop.core.data_map import Kind, Table

RETENTION: Final = timedelta(days=730)
_PERSONAL: Final = frozenset({Kind.ABOUT, Kind.WORDS, Kind.IDENTIFIES})


def is_personal(table: Table) -> bool:
    """Tell whether a table shows what somebody is, did or wrote."""
    return bool(table.whose) and bool(table.names(_PERSONAL))


def record(*, staff_id: int, table: Table, key: str | None, page: str, at: datetime) -> None:
    """Remember that somebody looked at a row of a table, or at a list of it."""
    AccessRecord.objects.create(
        staff_id=staff_id,
        person_id=None if key is None else _person_of(table, key),
        subject=table.label,
        page=page[:300],
        at=at,
    )


def _person_of(table: Table, key: str) -> int | None:
    try:
        found: Any = table.model._base_manager.filter(pk=key).values_list(table.whose[0], flat=True)
        person: int | None = found.first()
    except (ValueError, ValidationError):
        return None
    return person


def forget_old(*, at: datetime) -> None:
    """Forget who looked two years ago."""
    AccessRecord.objects.filter(at__lt=at - RETENTION).delete()
