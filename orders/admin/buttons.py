"""Buttons on a page of the admin: each asks in a dialog, and acts on the answer (a POST)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.dataclasses import ActionDialog
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from redshop.core.admin import back_to
from redshop.core.errors import DomainError


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """What a button says and asks, and what it does: ``press`` gets the request, the id of the
    page's row and the answers, and returns what to say."""

    name: str
    label: str
    question: str
    icon: str
    form: type[BaseDialogForm]
    press: Callable[[HttpRequest, str, dict[str, Any]], str]

    @property
    def attribute(self) -> str:
        """The name that the admin's class knows it by."""
        return f"{self.name}_this"


def as_action(button: Button) -> Callable[..., HttpResponse]:
    """Make the button's action, for an admin whose ``has_move_permission`` decides."""

    def act(self: Any, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        try:
            messages.success(request, button.press(request, object_id, form.cleaned_data))
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        return back_to_page(self, request, object_id)

    act.__name__ = act.__qualname__ = button.attribute
    made: Callable[..., HttpResponse] = action(  # type: ignore[operator]
        description=button.label,
        url_path=button.name.replace("_", "-"),
        icon=button.icon,
        permissions=["move"],
        dialog=ActionDialog(
            title=button.label,
            description=button.question,
            form_class=button.form,
            form_submit_text=button.label,
        ),
    )(act)
    return made


def back_to_page(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Lead back to the page of the row, from a dialog too."""
    options = admin.model._meta
    address = f"admin:{options.app_label}_{options.model_name}_change"
    back = reverse(address, args=[object_id])
    return back_to(request, back)
