"""Test cards: what each number and each token leads to."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Course(StrEnum):
    """What happens to a charge after it was asked for."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    NEEDS_ACTION = "needs_action"
    SETTLES_LATER = "settles_later"
    FAILS_LATER = "fails_later"


class Manner(StrEnum):
    """How the company answers the one who asked."""

    PROMPT = "prompt"
    TOO_LATE = "too_late"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Card:
    """A card that always behaves the same."""

    course: Course = Course.SUCCEEDS
    failure_code: str = ""
    manner: Manner = Manner.PROMPT


def _declining(code: str) -> Card:
    return Card(Course.FAILS, failure_code=code)


TOKENS: Final[Mapping[str, Card]] = {
    "": Card(),
    "tok_ok": Card(),
    "tok_declined": _declining("card_declined"),
    "tok_insufficient_funds": _declining("insufficient_funds"),
    "tok_expired_card": _declining("expired_card"),
    "tok_incorrect_cvc": _declining("incorrect_cvc"),
    "tok_fraudulent": _declining("fraudulent"),
    "tok_3ds": Card(Course.NEEDS_ACTION),
    "tok_async": Card(Course.SETTLES_LATER),
    "tok_async_declined": Card(Course.FAILS_LATER, failure_code="card_declined"),
    "tok_hang": Card(manner=Manner.TOO_LATE),
    "tok_cut": Card(manner=Manner.CUT),
}
#: Numbers that a shop's page would send here, and the standing token that each is like.
NUMBERS: Final[Mapping[str, str]] = {
    "4242424242424242": "tok_ok",
    "4000000000000002": "tok_declined",
    "4000000000009995": "tok_insufficient_funds",
    "4000000000000069": "tok_expired_card",
    "4000000000000127": "tok_incorrect_cvc",
    "4100000000000019": "tok_fraudulent",
    "4000002500003155": "tok_3ds",
    "4000000000000077": "tok_async",
}
UNKNOWN: Final = _declining("invalid_token")


def token_of(number: str) -> str | None:
    """Return a fresh token of a test card; None where the number is none of them.

    The token says by itself what it leads to, so that it needs no keeping.
    """
    standing = NUMBERS.get(number.replace(" ", ""))
    return None if standing is None else f"{standing}.{secrets.token_hex(8)}"


def card_of(token: str) -> Card:
    """Return the card behind a token; one that nobody issued is declined."""
    return TOKENS.get(token.partition(".")[0], UNKNOWN)
