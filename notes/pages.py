"""Pages for everybody, outside the API and the admin."""

from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from notes.integrity import transparency
from notes.integrity.rules import rules
from notes.integrity.types import Action, Reason

#: So many days are reported about, as ``manage.py transparency`` does.
LATELY: Final = timedelta(days=182)
#: How long whoever asked may go by the numbers, in seconds.
FRESH: Final = 600


@require_safe
@cache_control(public=True, max_age=FRESH)
def transparency_page(request: HttpRequest) -> HttpResponse:
    """Show what was done about content in the last half-year, and by which rules."""
    now = timezone.now()
    told = transparency.report(since=now - LATELY, until=now)
    tables = [
        ("Reports", [(Reason(key).label, number) for key, number in told.reports.items()]),
        ("Decisions", [(Action(key).label, number) for key, number in told.decisions.items()]),
        ("Taken down, by rule", list(told.taken_down_by_rule.items())),
        ("Refused by a rule alone", list(told.refused_by_rules_alone.items())),
    ]
    shown = {"told": told, "tables": tables, "rules": rules()}
    return render(request, "notes/transparency.html", shown)
