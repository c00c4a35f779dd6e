"""What was reported, refused, taken down and put right, in numbers, for everybody to read."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any

from django.db.models import Count, F

from notes.integrity.types import Action
from notes.models import Appeal, AuditEntry, Case, Decision, Report
from redshop.core.db import snapshot


@dataclass(frozen=True, slots=True)
class Transparency:
    """Counts of a time; ``until`` is excluded.

    Hours are medians, None where there was nothing; an appeal is upheld where the note was shown
    again.
    """

    since: datetime
    until: datetime
    reports: dict[str, int]
    cases_opened: int
    cases_decided: int
    cases_decided_in_time: int
    cases_waiting: int
    hours_to_decide: float | None
    decisions: dict[str, int]
    taken_down_by_rule: dict[str, int]
    refused_by_rules_alone: dict[str, int]
    appeals: int
    appeals_decided: int
    appeals_upheld: int

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "since": self.since.isoformat(), "until": self.until.isoformat()}


def report(*, since: datetime, until: datetime) -> Transparency:
    """Return what was done about content from one moment to another, all of one snapshot."""
    with snapshot():
        opened = Case.objects.filter(opened_at__gte=since, opened_at__lt=until)
        closed = Case.objects.filter(
            closed_at__gte=since, closed_at__lt=until, decisions__isnull=False
        ).distinct()
        took = [
            (done - began).total_seconds() / 3_600
            for began, done in closed.values_list("opened_at", "closed_at")
            if done is not None
        ]
        decided = Decision.objects.filter(decided_at__gte=since, decided_at__lt=until)
        appeals = Appeal.objects.filter(created_at__gte=since, created_at__lt=until)
        reports = Report.objects.filter(created_at__gte=since, created_at__lt=until)
        return Transparency(
            since=since,
            until=until,
            reports=_by(reports, "reason"),
            cases_opened=opened.count(),
            cases_decided=len(took),
            cases_decided_in_time=closed.filter(closed_at__lte=F("due_at")).count(),
            cases_waiting=Case.objects.waiting().count(),
            hours_to_decide=round(median(took), 2) if took else None,
            decisions=_by(decided, "action"),
            taken_down_by_rule=_by(decided.filter(action=Action.TAKE_DOWN), "rule"),
            refused_by_rules_alone=_refused(since, until),
            appeals=appeals.count(),
            appeals_decided=appeals.filter(outcome__isnull=False).count(),
            appeals_upheld=appeals.filter(
                outcome__action__in=[Action.REINSTATE, Action.PUBLISH]
            ).count(),
        )


def _by(rows: Any, name: str) -> dict[str, int]:
    counted = rows.order_by().values_list(name).annotate(number=Count("pk"))
    return {key or "none": number for key, number in sorted(counted)}


def _refused(since: datetime, until: datetime) -> dict[str, int]:
    entries = AuditEntry.objects.filter(action="publish_refused", at__gte=since, at__lt=until)
    return dict(sorted(Counter(entries.values_list("details__rule", flat=True)).items()))
