"""What holds for the staff in the admin: a second factor, and a line for every look at personal
data."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django_otp.middleware import OTPMiddleware

from redshop.accounts.services import access, second_factor
from redshop.core import data_map
from redshop.core.middleware import PagesOnly

_PAGE: Final = re.compile(r"(?P<model>[a-z]+_[a-z]+)_(?:changelist|change|history)\Z")


class AccessRecordMiddleware:
    """Records lists and pages of the admin that show what is personal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.tables = {
            table.label.lower().replace(".", "_"): table
            for table in data_map.tables()
            if access.is_personal(table)
        }

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        if match is None or match.app_name != "admin" or response.status_code != 200:
            return response
        page = _PAGE.fullmatch(match.url_name or "")
        table = self.tables.get(page["model"]) if page else None
        if table is not None and request.user.pk is not None:
            access.record(
                staff_id=request.user.pk,
                table=table,
                key=match.kwargs.get("object_id"),
                page=request.path,  # what was searched for may name somebody
                at=timezone.now(),
            )
        return response


class PageFactorMiddleware(PagesOnly, OTPMiddleware):
    """Whether a session has shown its second factor, for the admin."""


class SecondFactorMiddleware:
    """Lets staff no further into the admin than to their second factor until they have shown it.

    Where it is not required, whoever has set one up must show it all the same.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        page, home = reverse("second-factor"), reverse("admin:index")
        open_pages = {page, reverse("admin:login"), reverse("admin:logout")}
        if request.path.startswith(home) and request.path not in open_pages and _owes(request):
            asked = urlencode({"next": request.get_full_path()})
            return redirect(f"{page}?{asked}")
        return self.get_response(request)


def _owes(request: HttpRequest) -> bool:
    """Tell whether a member of staff has yet to show a second factor."""
    user = request.user
    if not user.is_authenticated or not user.is_staff or user.is_verified():  # type: ignore[attr-defined]
        return False
    return bool(settings.SECOND_FACTOR_REQUIRED) or second_factor.is_set_up(user)
