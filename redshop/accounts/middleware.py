"""Every look of the staff at personal data leaves a line."""

import re
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from redshop.accounts.services import access
from redshop.core import data_map

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
                page=request.get_full_path(),
                at=timezone.now(),
            )
        return response
