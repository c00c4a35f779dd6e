"""Which attributes move opens, saves, interest and net sales: pure functions on rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from redshop.studio.attributes import LEVELS
from redshop.studio.insight import estimation
from redshop.studio.insight.estimation import Fit, Floats, Ratio
from redshop.studio.insight.rows import STRATA, Row

#: Of what is called an effect, at most this share is none, on average (Benjamini, Yekutieli).
FALSE_DISCOVERIES: Final = 0.10
#: A level is judged from so many notes of so many authors with so many of what is counted on, and
#: a model fitted from so many authors on (assumed).
LEAST_NOTES, LEAST_AUTHORS, LEAST_COUNTED, LEAST_CLUSTERS = 20, 10, 30, 30
#: The topics that most notes have are attributes of their own.
MOST_TOPICS: Final = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is moved: a sum over an exposure, and what of it is counted to know enough."""

    key: str
    label: str
    of: Callable[[Row], float]
    per: Callable[[Row], float]
    counted: Callable[[Row], float]
    needs_product: bool = False


OUTCOMES: Final = (
    Outcome(
        "opens",
        "people who open it, of those who see it",
        lambda row: row.saw_and_opened,
        lambda row: row.people,
        lambda row: row.saw_and_opened,
    ),
    Outcome(
        "saves",
        "saves for each open",
        lambda row: row.saves,
        lambda row: row.opens,
        lambda row: row.saves,
    ),
    Outcome(
        "interest",
        "views of its products for each open",
        lambda row: row.product_views,
        lambda row: row.opens,
        lambda row: row.product_views,
        needs_product=True,
    ),
    Outcome(
        "net_sales",
        "net sales for each impression",
        lambda row: max(row.net_minor, 0),
        lambda row: row.impressions,
        lambda row: row.sales,
        needs_product=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one level of an attribute does beside another, all else being equal.

    ``ratio`` is None where there is not enough data; ``q`` is the share of false discoveries that
    calling this one brings, and ``is_effect`` whether it is called.
    """

    stratum: str
    outcome: str
    attribute: str
    level: str
    against: str
    notes: int
    authors: int
    ratio: Ratio | None
    q: float = 1.0
    is_effect: bool = False

    @property
    def said(self) -> str:
        """The finding in words."""
        if self.ratio is None:
            return "not enough data"
        if not self.is_effect:
            return "no effect that could be told from chance"
        return "more" if self.ratio.value > 1 else "less"


def judged(rows: Sequence[Row]) -> tuple[Finding, ...]:
    """Return the findings of all strata and outcomes, corrected together for being many."""
    topics = _topics(rows)
    findings = [
        finding
        for stratum in STRATA
        for outcome in OUTCOMES
        for finding in _findings(
            [row for row in rows if row.stratum == stratum], outcome, stratum, topics
        )
    ]
    told = [place for place, each in enumerate(findings) if each.ratio is not None]
    p_values = [ratio.p for place in told if (ratio := findings[place].ratio) is not None]
    for place, q in zip(told, estimation.false_discovery_rates(p_values), strict=True):
        findings[place] = replace(findings[place], q=q, is_effect=q <= FALSE_DISCOVERIES)
    return tuple(findings)


def _topics(rows: Sequence[Row]) -> list[str]:
    counts: dict[str, int] = {}
    for row in rows:
        for slug in row.topics:
            counts[slug] = counts.get(slug, 0) + 1
    return sorted(sorted(counts, key=lambda slug: (-counts[slug], slug))[:MOST_TOPICS])


@dataclass(frozen=True, slots=True)
class _Split:
    """An attribute, the level that each note has of it, and all that there are."""

    name: str
    of: Callable[[Row], str]
    levels: tuple[str, ...]


def _splits(topics: Sequence[str]) -> list[_Split]:
    def level_of(name: str) -> Callable[[Row], str]:
        return lambda row: row.levels[name]

    def is_about(slug: str) -> Callable[[Row], str]:
        return lambda row: "about it" if slug in row.topics else "not about it"

    known = [_Split(name, level_of(name), levels) for name, levels in LEVELS.items()]
    about = ("not about it", "about it")
    flags = [_Split(f"topic {slug}", is_about(slug), about) for slug in topics]
    return [*known, *flags]


def _findings(
    rows: Sequence[Row], outcome: Outcome, stratum: str, topics: Sequence[str]
) -> list[Finding]:
    rows = [row for row in rows if outcome.per(row) > 0]
    if outcome.needs_product:
        rows = [row for row in rows if row.has_product]
    splits = _splits(topics)
    levels = {split.name: _known(rows, outcome, split) for split in splits}
    columns = [
        _Column(split, level, levels[split.name])
        for split in splits
        for level in (*levels[split.name][1:], _RARE)
    ]
    ratios = _ratios(_kept(rows, outcome, columns), outcome, columns)
    return [
        _finding(rows, stratum, outcome, split, level, levels, ratios)
        for split in splits
        for level in _compared(split, levels)
    ]


#: Stands for all levels of an attribute that too little is known of: held equal, and not told.
_RARE: Final = ""


@dataclass(frozen=True, slots=True)
class _Column:
    """A level of an attribute that has a coefficient of its own."""

    split: _Split
    level: str
    known: tuple[str, ...]

    def is_in(self, row: Row) -> bool:
        """Tell whether a note has the level; of an attribute of which nothing is known, none."""
        level = self.split.of(row)
        if self.level != _RARE:
            return level == self.level
        return bool(self.known) and level not in self.known


def _compared(split: _Split, levels: dict[str, tuple[str, ...]]) -> list[str]:
    against = levels.get(split.name, split.levels)[:1] or split.levels[:1]
    return [level for level in split.levels if level != against[0]]


def _finding(
    rows: Sequence[Row],
    stratum: str,
    outcome: Outcome,
    split: _Split,
    level: str,
    levels: dict[str, tuple[str, ...]],
    ratios: dict[tuple[str, str], Ratio],
) -> Finding:
    mine = [row for row in rows if split.of(row) == level]
    against = (levels.get(split.name) or split.levels)[0]
    return Finding(
        stratum,
        outcome.key,
        split.name,
        level,
        against,
        len(mine),
        len({row.author_id for row in mine}),
        ratios.get((split.name, level)),
    )


def _kept(rows: Sequence[Row], outcome: Outcome, columns: Sequence[_Column]) -> list[Row]:
    """Return the notes, without those of rare levels of which nothing came: no value fits these."""
    kept = list(rows)
    for column in columns:
        if column.level == _RARE and not sum(
            outcome.counted(row) for row in kept if column.is_in(row)
        ):
            kept = [row for row in kept if not column.is_in(row)]
    return kept


def _known(rows: Sequence[Row], outcome: Outcome, split: _Split) -> tuple[str, ...]:
    by_level: dict[str, list[Row]] = {level: [] for level in split.levels}
    for row in rows:
        by_level[split.of(row)].append(row)
    known = [
        level
        for level, mine in by_level.items()
        if len(mine) >= LEAST_NOTES
        and len({row.author_id for row in mine}) >= LEAST_AUTHORS
        and sum(outcome.counted(row) for row in mine) >= LEAST_COUNTED
    ]
    if split.levels[0] in known:
        return tuple(known)
    return tuple(sorted(known, key=lambda level: -len(by_level[level])))


def _ratios(
    rows: Sequence[Row], outcome: Outcome, columns: Sequence[_Column]
) -> dict[tuple[str, str], Ratio]:
    """Return what each level does; what cannot be told apart from levels before it is left out."""
    design = _design(rows, columns)
    there = estimation.independent(design)
    found = _fitted(rows, outcome, design[:, there])
    if found is None:
        return {}
    told = [(column.split.name, column.level) for column in columns]
    return {
        told[column - _CONTROLS]: ratio
        for place, column in enumerate(there)
        if column >= _CONTROLS and (ratio := estimation.ratio_of(found, place)) is not None
    }


#: Ones, and the script, which is held equal and not told of.
_CONTROLS: Final = 2


def _design(rows: Sequence[Row], columns: Sequence[_Column]) -> Floats:
    """Return float64[n, 2 + columns]: ones, the script, and each level."""
    return np.array(
        [[1.0, row.language == "cjk", *(column.is_in(row) for column in columns)] for row in rows],
        dtype=np.float64,
    ).reshape(len(rows), _CONTROLS + len(columns))


def _fitted(rows: Sequence[Row], outcome: Outcome, design: Floats) -> Fit | None:
    authors = np.array([row.author_id for row in rows], dtype=np.int64)
    if len(np.unique(authors)) < max(LEAST_CLUSTERS, 2 * design.shape[1]):
        return None
    return estimation.fit(
        design,
        np.array([outcome.of(row) for row in rows], dtype=np.float64),
        np.array([outcome.per(row) for row in rows], dtype=np.float64),
        authors,
    )
