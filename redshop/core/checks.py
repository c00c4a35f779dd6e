"""What must be so wherever redshop starts."""

from collections.abc import Sequence
from typing import Any

from django.core import checks

from redshop.core import data_map


def register() -> None:
    """Have Django look at the map of personal data whenever it starts."""
    checks.register(check_data_map)


def check_data_map(app_configs: Sequence[Any] | None, **_kwargs: Any) -> list[checks.CheckMessage]:
    """Refuse a field of which nobody said what it holds about people."""
    return [
        checks.Error(
            f"{problem}.",
            hint="Say in the app's privacy.py what it holds about people (redshop.core.data_map).",
            id="core.E001",
        )
        for problem in data_map.unclassified()
    ]
