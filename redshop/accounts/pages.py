"""Where staff show, or set up, their second factor."""

from base64 import b32encode
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_otp import login as remember
from unfold.widgets import BASE_INPUT_CLASSES

from redshop.accounts.errors import CodeWrong
from redshop.accounts.models import User
from redshop.accounts.services import second_factor


class CodeForm(forms.Form):
    """A code of the app, or one of the spare codes."""

    code = forms.CharField(
        max_length=16,
        strip=True,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autofocus": True,
                "class": " ".join(BASE_INPUT_CLASSES),
            }
        ),
    )


@never_cache
@login_required(login_url="admin:login")
@require_http_methods(["GET", "POST"])
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Ask for a code; of somebody who has no app yet, have one set up first."""
    user = cast(User, request.user)
    if not user.is_staff:
        raise PermissionDenied
    is_set_up = second_factor.is_set_up(user)
    if is_set_up and user.is_verified():  # type: ignore[attr-defined]
        return redirect(_next(request))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        answered = _answered(request, user, form, is_set_up=is_set_up)
        if answered is not None:
            return answered
    device = None if is_set_up else second_factor.offer(user)
    key = None if device is None else b32encode(device.bin_key).decode()
    return _shown(request, form=form, key=key, address=device and device.config_url)


def _answered(
    request: HttpRequest, user: User, form: CodeForm, *, is_set_up: bool
) -> HttpResponse | None:
    """Let in whoever has the right code; None where it is wrong, and the form says so."""
    code = form.cleaned_data["code"].replace(" ", "")
    try:
        if is_set_up:
            remember(request, second_factor.check(user, code=code))  # type: ignore[no-untyped-call]
            return redirect(_next(request))
        device, spare = second_factor.set_up(user, code=code)
    except CodeWrong as refusal:
        form.add_error("code", refusal.detail)
        return None
    remember(request, device)  # type: ignore[no-untyped-call]
    return _shown(request, spare=spare)


def _shown(request: HttpRequest, **told: Any) -> HttpResponse:
    shown = {**admin.site.each_context(request), "next": _next(request), **told}
    shown |= {"title": "Second factor", "is_required": settings.SECOND_FACTOR_REQUIRED}
    return render(request, "accounts/second_factor.html", shown)


def _next(request: HttpRequest) -> str:
    """Return where somebody wanted to go, within the admin."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_here = url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    home = reverse("admin:index")
    return asked if is_here and asked.startswith(home) else home
