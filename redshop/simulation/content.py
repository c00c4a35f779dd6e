"""The note writer: titles, bodies, comments, queries and names from a small grammar.

Texts depend only on the generator handed in, so that one seed writes the same notes.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from redshop.simulation.assortment import MATERIAL, Shelf

#: What a note is like, and how often people write it so (assumed).
KINDS: Final = ("experience", "list", "mood")
KIND_SHARES: Final = (0.55, 0.25, 0.20)
LONGEST_TITLE: Final = 100
JOINTS: Final = {"zh": "", "en": " ", "it": " "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a note says."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a note is about, in one language."""

    language: str
    shelf: Shelf
    product: str = ""
    brand: str = ""


@cache
def phrases() -> Mapping[str, Any]:
    """Read the sentence patterns."""
    return tomllib.loads((MATERIAL / "phrases.toml").read_text(encoding="utf-8"))


def pick(options: Sequence[str], rng: np.random.Generator) -> str:
    """Return one of the options."""
    return options[int(rng.integers(len(options)))]


def draw_kind(rng: np.random.Generator) -> str:
    """Return the kind of note that a person is in the mood for."""
    return KINDS[int(np.searchsorted(np.cumsum(KIND_SHARES[:-1]), rng.random()))]


def write_note(
    *, kind: str, subject: Subject, rng: np.random.Generator, closing: str = "own"
) -> Text:
    """Write a note of a kind.

    An experience with a product closes by saying that it was bought (``own``), that the brand
    paid (``paid``), or neither (the empty string).
    """
    language, patterns = subject.language, phrases()[subject.language][kind]
    slots = _slots(subject, rng)
    sentences = list(patterns["bodies"])
    if "{product}" in "".join(sentences) and not subject.product:
        sentences = [sentence for sentence in sentences if "{product}" not in sentence]
    if kind == "experience" and subject.product and closing:
        sentences.append(patterns[closing])
    tags = sorted({pick(phrases()[language]["tags"], rng) for _ in range(2)})
    body = JOINTS[language].join(_fill(sentence, slots) for sentence in sentences)
    return Text(
        title=_fill(pick(patterns["titles"], rng), slots)[:LONGEST_TITLE],
        body=f"{body}\n\n{' '.join(tags)}",
    )


def write_query(*, subject: Subject, rng: np.random.Generator) -> str:
    """Write what somebody types when they look for something on a shelf."""
    options = [q for q in phrases()[subject.language]["queries"] if "{brand}" not in q]
    if subject.brand:
        options = [*options, "{brand}"]
    return pick(options, rng).format(**_slots(subject, rng))


def write_comment(*, language: str, rng: np.random.Generator) -> str:
    """Write a short comment."""
    return pick(phrases()[language]["comments"], rng)


def write_bio(*, language: str, rng: np.random.Generator) -> str:
    """Write a line about oneself."""
    return pick(phrases()[language]["bios"], rng)


def city_name(*, language: str, place: int) -> str:
    """Return the name of a large city where the language is at home."""
    cities: Sequence[str] = phrases()[language]["cities"]
    return cities[place % len(cities)]


def write_name(*, language: str, rng: np.random.Generator) -> str:
    """Return a given name."""
    return pick(phrases()["people"][language], rng)


def write_handle(*, index: int, seed: int, rng: np.random.Generator) -> str:
    """Return a handle that no other person of this seed, and no other seed, can have."""
    people = phrases()["people"]
    return f"{pick(people['handles'], rng)}.{pick(people['suffixes'], rng)}{index}_{base36(seed)}"


def base36(number: int) -> str:
    """Return a non-negative number in base 36."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number >= 36:
        number, rest = divmod(number, 36)
        text = digits[rest] + text
    return digits[number] + text


def _slots(subject: Subject, rng: np.random.Generator) -> dict[str, str]:
    virtues = subject.shelf.virtues[subject.language]
    first = int(rng.integers(len(virtues)))
    return {
        "noun": pick(subject.shelf.nouns[subject.language], rng),
        "virtue": virtues[first],
        "other": virtues[(first + 1) % len(virtues)],
        "product": subject.product,
        "brand": subject.brand,
        "weeks": str(rng.integers(2, 9)),
        "count": str(rng.integers(3, 8)),
        "city": pick(phrases()[subject.language]["cities"], rng),
    }


def _fill(pattern: str, slots: Mapping[str, str]) -> str:
    text = pattern.format(**slots)
    return text[:1].upper() + text[1:]
