"""What a note is like, told from what it says and shows: attributes that can be compared.

Every attribute of a note has one of its levels; the first is what the others are compared with.
Rules on words are crude and the same for all: what a person and what a machine wrote is read alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

#: Attributes and their levels; of topics and shelves the levels are what there is.
LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "type": ("image", "video", "text"),
    "length": ("medium", "short", "long"),
    "hook": ("statement", "question", "number", "exclamation"),
    "price": ("not shown", "shown"),
    "form": ("other", "tutorial", "review"),
    "creator": ("small", "medium", "large"),
    "provenance": ("user", "verified purchase", "brand"),
    "hour": ("day", "morning", "evening", "night"),
}
#: What a writer can choose; the others are who publishes, how and when.
WRITTEN: Final = ("length", "hook", "price", "form")

#: Up to so many units a note is short, from so many on long (assumed). A Chinese character counts
#: as one, a word of a script with blanks as two.
SHORT, LONG = 60, 140
#: Followers from which on a creator is medium, and large (assumed).
MEDIUM, LARGE = 100, 1_000

_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_WORD: Final = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff]+|\d+")
_QUESTION: Final = re.compile(r"[?？]|怎么|为什么|吗$|如何")
_EXCLAMATION: Final = re.compile(r"[!！]")
_NUMBER: Final = re.compile(r"\d|[一二三四五六七八九十两]+(?:个|款|件|周|天|步|种)")
_PRICE: Final = re.compile(
    r"[¥€$£]\s?\d|\d+(?:[.,]\d+)?\s?(?:元|块|yuan|euro|eur|usd|dollars)\b|\d+\s?(?:元|块钱?)",
    re.IGNORECASE,
)
_TUTORIAL: Final = re.compile(
    r"\bhow to\b|\bstep\b|\bguide\b|\bbefore buying\b|\bmistakes\b|\bthings to know\b|怎么选|教程"
    r"|步骤|小技巧|攻略|第一[,，步]|\bcome (?:scegliere|usare)\b|\bguida\b|\bpasso\b|\berrori\b"
    r"|\bprima di comprare\b",
    re.IGNORECASE,
)
_REVIEW: Final = re.compile(
    r"\breview\b|\bhonest\b|\bworth it\b|\bweeks on\b|\bthe truth\b|测评|实话|报告|空瓶|避雷|回购"
    r"|\brecensione\b|\bopinion[ei]\b|\bprova\b|\bonest[oa]\b|\bne vale\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is told of a note beside its words."""

    type: str
    followers: int
    origin: str
    has_verified_purchase: bool
    published_at: datetime
    zone: ZoneInfo


def tag_words(*, title: str, body: str) -> dict[str, str]:
    """Return the levels of what a writer can choose."""
    return {
        "length": _length(body),
        "hook": _hook(title),
        "price": "shown" if _PRICE.search(f"{title}\n{body}") else "not shown",
        "form": _form(title, body),
    }


def tag(*, title: str, body: str, told: Circumstances) -> dict[str, str]:
    """Return the level of every attribute of a note."""
    return {
        "type": told.type,
        **tag_words(title=title, body=body),
        "creator": creator(told.followers),
        "provenance": _provenance(told),
        "hour": hour(told.published_at.astimezone(told.zone).hour),
    }


def units(text: str) -> int:
    """Return how long a text is: Chinese characters, and words of other scripts twice."""
    return len(_CJK.findall(text)) + 2 * len(_WORD.findall(text))


def creator(followers: int) -> str:
    """Return the size of a creator."""
    return "large" if followers >= LARGE else "medium" if followers >= MEDIUM else "small"


def hour(of_day: int) -> str:
    """Return the part of the day that an hour is in."""
    if of_day < 6 or of_day >= 23:
        return "night"
    if of_day < 11:
        return "morning"
    return "day" if of_day < 18 else "evening"


def _length(body: str) -> str:
    measured = units(body)
    return "short" if measured <= SHORT else "long" if measured >= LONG else "medium"


def _hook(title: str) -> str:
    if _QUESTION.search(title):
        return "question"
    if _NUMBER.search(title):
        return "number"
    return "exclamation" if _EXCLAMATION.search(title) else "statement"


def _form(title: str, body: str) -> str:
    text = f"{title}\n{body}"
    if _TUTORIAL.search(text):
        return "tutorial"
    return "review" if _REVIEW.search(text) else "other"


def _provenance(told: Circumstances) -> str:
    if told.origin == "brand":
        return "brand"
    return "verified purchase" if told.has_verified_purchase else "user"


def script(text: str) -> str:
    """Return whether a text is mostly Chinese (or Japanese) or of another script."""
    return "cjk" if len(_CJK.findall(text)) > len(_WORD.findall(text)) else "other"
