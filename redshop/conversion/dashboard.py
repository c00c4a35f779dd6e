"""The admin's home page."""

from typing import Any

from django.http import HttpRequest


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add today's numbers to the home page."""
    return context
