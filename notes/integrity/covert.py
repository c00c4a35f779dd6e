"""How likely a note is an advertisement that does not say so: advice for people, never a rule.

The score is a sum of points for what covert advertisements have in common, each told as a reason.
Points and threshold are assumed; nothing is refused or hidden for them.
"""

import re
from dataclasses import dataclass
from typing import Final

from notes.integrity.rules import plain

#: So many of the author's notes before are looked at, where there are so many at least.
LATELY, FEWEST = 20, 3
#: From so many points on, a moderator is shown the note among covert ones.
HIGH: Final = 5

_PRICE: Final = re.compile(r"[¥€$£]\s?\d|\d+\s?(?:元|块|yuan|euro|eur|usd)\b|(?:折|优惠|券)")
_CALL: Final = re.compile(
    r"\b(?:buy|order|grab|get) (?:it |yours |one )?(?:now|here|today)\b|\blink in\b|\bcode\b"
    r"|下单|购买链接|优惠码|折扣码|闭眼入|\bcompra(?:la|lo)? (?:ora|subito|qui)\b|\bsconto\b"
)
_PRAISE: Final = re.compile(r"!|！|\b(?:amazing|perfect|must[- ]have|obsessed)\b|绝绝子|必入|神器")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a note and of what its author published before."""

    text: str
    is_labelled: bool
    products: int
    #: Of the author's last twenty notes, the share that show this note's first brand.
    share_of_brand: float
    has_bought: bool


@dataclass(frozen=True, slots=True)
class Advice:
    """A score from 0 on, and what it is made of."""

    score: int
    reasons: tuple[str, ...]

    @property
    def is_high(self) -> bool:
        return self.score >= HIGH


def advise(facts: Facts) -> Advice:
    """Return how much a note looks like an advertisement that does not say that it is one.

    A note that bears a label is no covert advertisement: 0.
    """
    if facts.is_labelled or not facts.products:
        return Advice(0, ())
    text = plain(facts.text)
    told = [
        (2, "it names a price or a discount", bool(_PRICE.search(text))),
        (3, "it asks to buy", bool(_CALL.search(text))),
        (1, "it praises in superlatives", len(_PRAISE.findall(text)) >= 3),
        (2, "most of what its author publishes shows this brand", facts.share_of_brand >= 0.6),
        (1, "it shows several products", facts.products >= 3),
        (1, "its author did not buy what it shows here", not facts.has_bought),
    ]
    return Advice(
        sum(points for points, _, holds in told if holds),
        tuple(reason for _, reason, holds in told if holds),
    )
