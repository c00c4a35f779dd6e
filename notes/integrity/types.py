"""What cases, reports and decisions are about; and how soon somebody must look."""

from datetime import timedelta
from typing import Final

from django.db import models


class Reason(models.TextChoices):
    """What somebody says is wrong with a note."""

    SPAM = "spam"
    COVERT_AD = "covert_ad", "covert advertising"
    FALSE_CLAIM = "false_claim", "a false claim"
    COPIED = "copied", "copied from somebody"
    COUNTERFEIT = "counterfeit"
    HATEFUL = "hateful"
    VIOLENCE = "violence"
    SELF_HARM = "self_harm", "self-harm"
    MINOR_SAFETY = "minor_safety", "safety of minors"
    ILLEGAL = "illegal"
    PRIVACY = "privacy", "somebody's privacy"
    OTHER = "other"


class CaseKind(models.TextChoices):
    """How a case came about."""

    REPORTS = "reports"
    RULE = "rule", "a rule asks for a person"
    APPEAL = "appeal"


class Action(models.TextChoices):
    """What was decided about a note."""

    PUBLISH = "publish"
    REFUSE = "refuse", "do not publish"
    TAKE_DOWN = "take_down", "take down"
    REINSTATE = "reinstate"
    KEEP = "keep", "leave as it is"


#: Decisions that an author may appeal, as Regulation (EU) 2022/2065 has it (article 20), and for
#: how long (at least six months).
APPEALABLE: Final = frozenset({Action.REFUSE.value, Action.TAKE_DOWN.value})
APPEAL_DAYS: Final = timedelta(days=183)

#: How soon somebody must look, by the gravest reason; a choice of this platform.
_GRAVE: Final = {
    Reason.MINOR_SAFETY: timedelta(hours=1),
    Reason.SELF_HARM: timedelta(hours=1),
    Reason.VIOLENCE: timedelta(hours=6),
    Reason.HATEFUL: timedelta(hours=6),
    Reason.ILLEGAL: timedelta(hours=6),
    Reason.PRIVACY: timedelta(hours=6),
}
USUAL: Final = timedelta(hours=24)
OF_APPEALS: Final = timedelta(hours=72)
#: How long a case that somebody took is theirs.
TAKEN_FOR: Final = timedelta(minutes=15)


def service_level(reason: str) -> timedelta:
    """Return how soon somebody must look at a note that was reported for a reason."""
    return _GRAVE.get(Reason(reason), USUAL)
