"""What crosses the boundaries of the studio."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from django.db import models


class Language(models.TextChoices):
    """What a note is written in."""

    ZH = "zh", "Chinese"
    EN = "en", "English"
    IT = "it", "Italian"


class Tone(models.TextChoices):
    """How a note speaks."""

    WARM = "warm"
    PLAIN = "plain", "matter of fact"
    PLAYFUL = "playful"


class Segment(models.TextChoices):
    """For whom a variant is written."""

    EVERYBODY = "everybody"
    NEWCOMERS = "newcomers", "new to this kind of product"
    THRIFTY = "thrifty", "who compare prices"
    DEVOTED = "devoted", "who know the brand"


class Reward(models.TextChoices):
    """What a trial is about: what somebody who saw a variant did with it."""

    OPEN = "note_open", "opened it"
    SAVE = "save", "saved it"
    PRODUCT_VIEW = "product_view", "looked at its product"


class Lesson(TypedDict):
    """What was learned of an attribute: how many times more of an outcome a level brings."""

    attribute: str
    level: str
    against: str
    outcome: str
    ratio: float
    low: float
    high: float
    source: str  #: insight, or trial
    population: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a writer is asked for; nothing of it is about a person."""

    language: str
    brand: str
    product: str
    description: str
    category: str
    price: str
    audience: str
    tone: str
    claims: tuple[str, ...]
    segments: tuple[str, ...]
    variants: int
    lessons: Sequence[Lesson] = ()

    @property
    def wanted(self) -> int:
        """How many variants there are to be in all."""
        return self.variants * len(self.segments)


@dataclass(frozen=True, slots=True)
class Variant:
    """One text that a writer proposes, for a segment."""

    segment: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer brought, and what it took."""

    variants: tuple[Variant, ...]
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    raw: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a draft cannot be published as it is, or should be looked at."""

    rule: str
    outcome: str  #: refuse, or review
    says: str
    remedy: str
    because: str

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "outcome": self.outcome,
            "says": self.says,
            "remedy": self.remedy,
            "because": self.because,
        }
