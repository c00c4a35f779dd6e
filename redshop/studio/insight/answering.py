"""What moves opens, saves, interest and net sales, by the notes of some time."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from redshop.studio.insight import reading
from redshop.studio.insight.judging import FALSE_DISCOVERIES, Finding, judged
from redshop.studio.insight.rows import STRATA, Scope

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """All findings of a scope, and what they rest on."""

    scope: Scope
    notes: dict[str, int]
    findings: tuple[Finding, ...]
    computed_at: datetime

    def effects(self) -> list[Finding]:
        """Return what is called an effect, the most certain first."""
        return sorted((each for each in self.findings if each.is_effect), key=lambda each: each.q)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is exported."""
        told = asdict(self.scope) | {"zone": str(self.scope.zone)}
        return {
            "definition": "studio.insight",
            "version": VERSION,
            "scope": {
                name: value.isoformat() if isinstance(value, datetime) else value
                for name, value in told.items()
            },
            "false_discoveries": FALSE_DISCOVERIES,
            "notes": self.notes,
            "computed_at": self.computed_at.isoformat(),
            "findings": [asdict(each) | {"said": each.said} for each in self.findings],
        }


def answer(scope: Scope, *, at: datetime) -> Answer:
    """Answer which attributes go with more or less of each outcome, in each stratum.

    These are associations of notes that people chose to write so, with what else is known of them
    held equal; measuring published variants (``services.trials``) is what proves a cause.
    """
    found = reading.rows(scope)
    return Answer(
        scope=scope,
        notes={name: sum(row.stratum == name for row in found) for name in STRATA},
        findings=judged(found),
        computed_at=at,
    )
