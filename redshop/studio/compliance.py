"""What a brand's draft may not say: the rules of all content, and two of the brand's own.

A brand has had no experience, so its draft tells of none; and what can be measured is said only
where the brief allows it. Patterns are crude on purpose: an editor decides, and mends.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from notes.integrity.rules import broken_by, plain
from redshop.studio.types import Objection

_FIRST_PERSON: Final = re.compile(
    r"\b(?:i|we)(?:'ve| have)?(?: \w+)? (?:used|tried|bought|wore|worn|tested|love|loved|felt"
    r"|noticed|switched|finished|repurchased)\b"
    r"|\bmy (?:skin|hair|face|routine|experience|favou?rite|holy grail|friends?)\b"
    r"|\b(?:after|for) \w+ (?:days?|weeks?|months?) (?:i|my)\b"
    r"|我(?:自己|也|已经|一直|最近)?(?:用|试|买|穿|戴|回购|入手|空瓶)|我的(?:皮肤|头发|脸|肤质|体验|最爱)"
    r"|亲测|自用|用了[一二两三四五六七八九十\d]+(?:天|周|个月|年)|回购了|空瓶"
    r"|\bho (?:usato|provato|comprato|notato|indossato)\b|\bla mia (?:pelle|esperienza|routine)\b"
    r"|\bi miei capelli\b|\bmi (?:sono trovat[oa]|ha cambiato)\b",
    re.IGNORECASE,
)
_MEASURED: Final = re.compile(
    r"\d+(?:[.,]\d+)?\s*(?:%|％|per ?cent|倍|times|volte|hours?\b|小时|ore\b|days?\b|天|giorni\b"
    r"|weeks?\b|周|settimane\b|months?\b|个月|mesi\b|years?\b|年|anni\b)|\b(?:spf|upf)\s*\d+",
    re.IGNORECASE,
)
_PROVEN: Final = re.compile(
    r"\bclinically\b|\bdermatologist|\bproven\b|\bguarantee|\bcertified\b|\borganic\b|临床|皮肤科"
    r"|验证|保证|认证|有机|\bclinicamente\b|\bdermatologic|\bgarantit|\bcertificat[oa]\b|\bbiologic[oa]\b",
    re.IGNORECASE,
)


def check(*, title: str, body: str, allowed: Sequence[str]) -> list[Objection]:
    """Return what speaks against a draft, what refuses it first.

    Args:
        allowed: texts whose figures and proofs may be repeated: the claims of the brief, and what
            the shop itself says of the product.
    """
    found = [*_of_content(title, body), *_of_the_brand(f"{title}\n{body}", allowed)]
    return sorted(found, key=lambda objection: objection.outcome != "refuse")


def _of_content(title: str, body: str) -> Iterator[Objection]:
    for rule, because in broken_by(title, body, is_commercial=True):
        yield Objection(rule.key, rule.outcome, rule.says, rule.remedy, because)


def _of_the_brand(text: str, allowed: Sequence[str]) -> Iterator[Objection]:
    if match := _FIRST_PERSON.search(plain(text)):
        yield Objection(
            "first_person_experience",
            "refuse",
            "A brand tells of an experience that nobody had.",
            "Say what the product is, or leave experiences to those who bought it.",
            match.group(),
        )
    for rule, pattern, says in (
        ("unproven_figure", _MEASURED, "It gives a figure that the brief does not allow."),
        ("unproven_claim", _PROVEN, "It claims a proof that the brief does not allow."),
    ):
        told = {_bare(match.group()) for each in allowed for match in pattern.finditer(each)}
        for match in pattern.finditer(text):
            if _bare(match.group()) not in told:
                yield Objection(
                    rule,
                    "refuse",
                    says,
                    "Leave it out, or add it to the brief's claims if it can be proven.",
                    match.group(),
                )
                break


def _bare(found: str) -> str:
    return re.sub(r"\s+", "", plain(found))
