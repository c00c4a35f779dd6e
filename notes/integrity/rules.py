"""The rules that content is held to: data with versions, read from ``rules.toml``."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parent / "rules.toml"
#: Invisible characters by which words are hidden from patterns.
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_ADDRESS: Final = re.compile(
    r"(?:https?://|www\.)?(?P<host>(?:[a-z0-9-]+\.)+[a-z]{2,})(?=[/:?#\s]|$)", re.IGNORECASE
)


class Kind(StrEnum):
    """What a rule looks at."""

    TEXT = "text"
    LINK = "link"
    PICTURE = "picture"
    LIKENESS = "likeness"
    PICTURE_LIKENESS = "picture_likeness"
    BEHAVIOUR = "behaviour"


class Outcome(StrEnum):
    """What follows where a rule is broken."""

    REFUSE = "refuse"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule at one version, with the texts that it must and must not catch."""

    key: str
    version: int
    kind: Kind
    outcome: Outcome
    is_for_commercial: bool
    says: str
    remedy: str
    source: str
    patterns: tuple[re.Pattern[str], ...] = ()
    domains: frozenset[str] = frozenset()
    at_least: float = 0.0
    most_a_day: int = 0
    caught: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    of: str = ""

    def found_in(self, text: str) -> str | None:
        """Return what of a text, made plain by ``plain``, breaks this rule; None where nothing."""
        match self.kind:
            case Kind.TEXT:
                matches = (pattern.search(text) for pattern in self.patterns)
                return next((match.group() for match in matches if match), None)
            case Kind.LINK:
                return next((host for host in hosts_in(text) if self._names(host)), None)
        return None

    def _names(self, host: str) -> bool:
        return any(host == domain or host.endswith(f".{domain}") for domain in self.domains)


def plain(text: str) -> str:
    """Return a text as patterns see it: one form of each character, lower case, nothing hidden."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()


def hosts_in(text: str) -> Iterator[str]:
    """Yield the hosts of the addresses in a text."""
    for match in _ADDRESS.finditer(text):
        yield match["host"].lower()


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules, in the order in which they are asked.

    Raises:
        ValueError: one of them has no meaning.
    """
    read = tomllib.loads(FILE.read_text(encoding="utf-8"))["rule"]
    return tuple(_rule(dict(row)) for row in read)


def rule(key: str) -> Rule:
    """Return the rule of a key."""
    return next(each for each in rules() if each.key == key)


def broken_by(title: str, body: str, *, is_commercial: bool) -> Iterator[tuple[Rule, str]]:
    """Yield the rules that words break by themselves, each with what of them says so."""
    texts = (("title", plain(title)), ("body", plain(body)))
    for rule in rules():
        if rule.is_for_commercial and not is_commercial:
            continue
        for where, text in texts:
            if because := rule.found_in(text):
                yield rule, f"{where}: {because[:80]}"


def of_kind(kind: Kind) -> Iterator[Rule]:
    """Yield the rules that look at one thing."""
    return (each for each in rules() if each.kind == kind)


def _rule(row: dict[str, Any]) -> Rule:
    applies = row.pop("applies")
    if applies not in {"any", "commercial"}:
        raise ValueError(f"A rule applies to any or commercial notes, not to {applies}.")
    return Rule(
        kind=Kind(row.pop("kind")),
        outcome=Outcome(row.pop("outcome")),
        is_for_commercial=applies == "commercial",
        patterns=tuple(re.compile(pattern) for pattern in row.pop("patterns", ())),
        domains=frozenset(row.pop("domains", ())),
        caught=tuple(row.pop("caught", ())),
        passes=tuple(row.pop("passes", ())),
        **row,
    )
