"""How staff log in to the admin."""

from math import ceil
from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from redshop.core.api.throttling import AccountThrottle


class AdminLoginForm(AuthenticationForm):
    """Counts attempts at an account as the API does, under the same limit."""

    def clean(self) -> dict[str, Any]:
        limit, login = AccountThrottle(), self.cleaned_data.get("username", "")
        if login and not limit.admits(limit.key_of(login)):
            minutes = ceil(limit.wait() / 60)
            raise ValidationError(
                f"Too many attempts; come back in {minutes} minutes.", code="rate_limited"
            )
        found: dict[str, Any] = super().clean()
        return found
