"""The offline writer: sentence patterns put together, the same for the same seed. It is no model.

What it varies is what can be measured: how a title begins, length, price, form. The first variant
of each segment follows what was learned; the others go round the levels, so that a trial of them
can learn more.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np

from redshop.studio import attributes
from redshop.studio.attributes import LEVELS, WRITTEN
from redshop.studio.types import Assignment, Lesson, Variant, Written
from redshop.studio.writers.base import GRAMMAR

FILE: Final = Path(__file__).parent / "grammar.toml"
MODEL: Final = "grammar-1"
#: What a brand does not write: reviews are for those who bought.
_NOT_A_BRANDS: Final = {"form": {"review"}}
_JOINTS: Final = {"zh": "", "en": " ", "it": " "}


class GrammarWriter:
    """Puts sentences together; needs no network and no model, and says so."""

    name = GRAMMAR

    def write(self, assignment: Assignment, *, prompt: str, seed: int) -> Written:
        """Return the variants of an assignment; it never fails."""
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0x57D10]))
        variants = [
            _variant(assignment, segment, levels, rng, turn=turn)
            for turn, (segment, levels) in enumerate(
                product(assignment.segments, plans(assignment))
            )
        ]
        return Written(tuple(variants), MODEL)


def plans(assignment: Assignment) -> list[dict[str, str]]:
    """Return the levels that each variant of a segment is to have: what was learned comes first."""
    best = {name: best_level(name, assignment.lessons) for name in WRITTEN}
    if not assignment.price:
        best["price"] = LEVELS["price"][0]
    wanted = [dict(best)]
    for turn in range(1, assignment.variants):
        name = ("hook", "form", "length", "price")[(turn - 1) % 4]
        choices = [level for level in levels_of(name) if level != best[name]]
        if name == "price" and not assignment.price:
            name, choices = "hook", [each for each in levels_of("hook") if each != best["hook"]]
        wanted.append({**best, name: choices[((turn - 1) // 4 + turn - 1) % len(choices)]})
    return wanted


def levels_of(name: str) -> list[str]:
    """Return the levels of an attribute that a brand may choose."""
    return [level for level in LEVELS[name] if level not in _NOT_A_BRANDS.get(name, ())]


def best_level(name: str, lessons: Sequence[Lesson]) -> str:
    """Return the level that brings most, by what was learned; the usual one where nothing was."""
    gains = dict.fromkeys(levels_of(name), 0.0)
    for lesson in lessons:
        if lesson["attribute"] == name and lesson["level"] in gains:
            gains[lesson["level"]] += float(np.log(max(lesson["ratio"], 1e-6)))
    return max(gains, key=lambda level: gains[level])


@cache
def patterns() -> Mapping[str, Any]:
    """Read the sentence patterns."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _variant(
    assignment: Assignment,
    segment: str,
    levels: Mapping[str, str],
    rng: np.random.Generator,
    *,
    turn: int,
) -> Variant:
    told = patterns()[assignment.language]
    slots = {
        "product": assignment.product,
        "brand": assignment.brand,
        "category": assignment.category,
        "price": assignment.price,
    }
    titles = told["titles"][levels["hook"]]
    title = titles[turn % len(titles)].format(**slots)
    parts = [_pick(told["openings"][assignment.tone], rng), *told["forms"][levels["form"]][:1]]
    rest = [_pick(told["segments"][segment], rng), *told["forms"][levels["form"]][1:]]
    claims = [_pick(told["more"]["claim"], rng).format(claim=each) for each in assignment.claims]
    sentences = [part.format(**slots) for part in parts] + [_escaped(each) for each in claims[:1]]
    if levels["price"] == "shown" and assignment.price:
        sentences.append(_pick(told["more"]["price"], rng).format(**slots))
    order = rng.permutation(len(told["more"]["parts"]))
    more = [told["more"]["parts"][place] for place in order]
    spare = [part.format(**slots) for part in [*rest, *more]] + claims[1:]
    body = _long_enough(sentences, spare, levels["length"], joint=_JOINTS[assignment.language])
    return Variant(segment, title[:100], body)


def _long_enough(sentences: list[str], spare: list[str], length: str, *, joint: str) -> str:
    """Return a body of the length wanted, as near as the sentences allow."""
    least = {
        "short": 0,
        "medium": attributes.SHORT + 1,
        "long": attributes.LONG,
    }[length]
    for sentence in spare:
        if attributes.units(joint.join(sentences)) >= least:
            break
        sentences = [*sentences, sentence]
    return joint.join(sentences)


def _escaped(claim: str) -> str:
    return claim.replace("..", ".").replace("。。", "。")


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
