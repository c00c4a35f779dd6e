"""What the studio's pages have in common."""

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from redshop.accounts.models import User
from redshop.core.admin import ReadOnlyAdmin, back_to
from redshop.core.errors import DomainError
from redshop.studio import access


def who(request: HttpRequest) -> User:
    """Return who is logged in."""
    return cast(User, request.user)


class ForBrands(ReadOnlyAdmin):
    """Seen by superusers, and by staff who work for the brand of a row."""

    #: Leads from a row to its brand.
    brand: ClassVar[str] = "brand"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_enter(who(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access.may_enter(who(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return access.within(rows, who(request), brand=self.brand)

    def is_theirs(self, request: HttpRequest, object_id: Any) -> bool:
        """Tell whether a row is of a brand that somebody works for."""
        if object_id is None or not access.may_enter(who(request)):
            return False
        return self.get_queryset(request).filter(pk=object_id).exists()

    def done(
        self,
        request: HttpRequest,
        act: Callable[[], Any],
        *,
        said: str,
        back: tuple[str, Any],
    ) -> HttpResponse:
        """Do something, tell how it went, and go back to a page."""
        try:
            act()
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, said)
        return back_to(request, reverse(back[0], args=[back[1]]))
