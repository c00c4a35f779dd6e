"""What the settings of the orders must agree on."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks


def register() -> None:
    """Have Django look at the settings whenever it starts."""
    checks.register(check_days)


def check_days(app_configs: Sequence[Any] | None, **_kwargs: Any) -> list[checks.CheckMessage]:
    """Refuse orders that would complete while their units may still be sent back."""
    if 0 < settings.RETURN_DAYS < settings.COMPLETE_DAYS:
        return []
    return [
        checks.Error(
            "COMPLETE_DAYS must exceed RETURN_DAYS, which must be at least one.",
            hint="An order completes when its units can no longer be sent back.",
            id="orders.E001",
        )
    ]
