"""A brand that cultivates: what notes are like, what of it moves readers, and how a brand learns.

The brand goes by the studio's own functions: insight over what notes were seen and opened, the
plans of the offline writer, and Thompson sampling over its variants. What is planted as the truth
(``content.*``) it is not told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from redshop.simulation.arrays import state
from redshop.simulation.arrays.draws import Purpose, uniforms
from redshop.simulation.scenario import Settings
from redshop.simulation.types import Floats, Ints
from redshop.studio import attributes, thompson
from redshop.studio.attributes import LEVELS, WRITTEN
from redshop.studio.insight import judging, lessons
from redshop.studio.insight.rows import Row
from redshop.studio.thompson import Batch
from redshop.studio.types import Assignment, Lesson
from redshop.studio.writers import grammar

if TYPE_CHECKING:
    from redshop.simulation.arrays.arm import Arm

#: The number by which each level of words moves readers; levels that are compared with have none.
_MOVES: Final = {
    ("hook", "question"): "content.question",
    ("hook", "number"): "content.number",
    ("hook", "exclamation"): "content.exclamation",
    ("price", "shown"): "content.price_shown",
    ("form", "tutorial"): "content.tutorial",
    ("form", "review"): "content.review",
    ("length", "short"): "content.short",
    ("length", "long"): "content.long",
}
#: A brief is opened on every seventh day, with so many variants (assumed).
BRIEF_DAYS, VARIANTS = 7, 5
#: Notes that were out for so many days are learned from.
LEAST_AGE: Final = 2


def appeal_of(words: NDArray[np.int8], told: Settings) -> Floats:
    """Return float64[notes]: the logits that what it says adds to the wish to open a note."""
    appeal = np.zeros(len(words))
    for (name, level), key in _MOVES.items():
        if value := told.number(key):
            column = words[:, WRITTEN.index(name)]
            appeal += value * (column == LEVELS[name].index(level))
    return appeal


@dataclass(slots=True)
class Garden:
    """What a brand that cultivates has seen, learned and planted in an arm."""

    opened: Ints
    viewed: Ints
    told: Settings
    lessons: list[Lesson] = field(default_factory=list)
    plans: Sequence[Mapping[str, str]] = ()
    planted: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    learned: set[tuple[str, str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, arm: "Arm") -> "Garden | None":
        """Return the garden of an arm, None where its brand does not cultivate."""
        if arm.told.text("growth.mode") != "cultivated":
            return None
        size = len(arm.notes.author)
        return cls(np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64), arm.told)

    def watch(self, notes: Ints, deeds: Ints) -> None:
        """Count which notes were opened, and in which a product was looked at."""
        size = len(self.opened)
        self.opened += np.bincount(notes, minlength=size)
        self.viewed += np.bincount(notes[deeds & state.VIEW > 0], minlength=size)

    def plant(self, places: Ints, arm: "Arm", day: int) -> None:
        """Let the drafts that are published on a day be variants, the better of them more often.

        A new brief is opened every week, with what insight finds by then; whatever came of the
        variants of the one before is in it.
        """
        if day % BRIEF_DAYS == 0 or not self.plans:
            self._open_brief(arm, day)
        if not len(places):
            return
        posteriors = [self._posterior(arm, variant) for variant in range(len(self.plans))]
        chances = thompson.propensities(posteriors, seed=[arm.world.seed, day])
        drawn = uniforms(seed=arm.world.seed, purpose=Purpose.NOTE, step=20 + day, persons=places)
        chosen = np.minimum(np.searchsorted(np.cumsum(chances), drawn), len(self.plans) - 1)
        for place, variant in zip(places.tolist(), chosen.tolist(), strict=True):
            plan = self.plans[variant]
            arm.notes.words[place] = [LEVELS[name].index(plan[name]) for name in WRITTEN]
        self.planted.append((places, chosen, chances))

    def _posterior(self, arm: "Arm", variant: int) -> tuple[float, float]:
        batches = []
        for places, chosen, chances in self.planted:
            mine = places[chosen == variant]
            seen = int(arm.impressions[mine].sum())
            opens = min(int(self.opened[mine].sum()), seen)
            batches.append(Batch(float(chances[variant]), seen, opens))
        return thompson.posterior(batches)

    def _open_brief(self, arm: "Arm", day: int) -> None:
        if day:
            findings = judging.judged(self._rows(arm, day))
            found = [asdict(each) for each in findings]
            self.lessons = lessons.told_by(found, population="simulated")
            self.learned |= {
                (each["attribute"], each["level"], "more" if each["ratio"] > 1 else "less")
                for each in self.lessons
                if each["outcome"] == "opens" and each["against"] == LEVELS[each["attribute"]][0]
            }
        self.plans = grammar.plans(_assignment(self.lessons))
        self.planted = []

    def _rows(self, arm: "Arm", day: int) -> list[Row]:
        """Return the notes that were out for some days and seen, as insight reads them."""
        notes, told_paid = arm.notes, arm.is_told_paid()
        old = arm.exists & (notes.day <= day - LEAST_AGE) & (arm.impressions > 0)
        generated = notes.generation < self.told.number("publishing.generated")
        places = np.flatnonzero(old)
        followers = arm.followers[np.maximum(arm.place_of[notes.author[places]], 0)]
        return [
            Row(
                note_id=place,
                author_id=int(notes.author[place]),
                stratum="ai" if generated[place] else "paid" if told_paid[place] else "organic",
                language="cjk" if notes.language[place] == 0 else "other",
                has_product=bool(notes.product[place] >= 0),
                levels=_levels(arm, place, many),
                topics=(),
                people=int(arm.impressions[place]),
                saw_and_opened=min(int(self.opened[place]), int(arm.impressions[place])),
                opens=int(self.opened[place]),
                saves=int(arm.interactions[place, 1]),
                product_views=int(self.viewed[place]),
                impressions=int(arm.impressions[place]),
                sales=0.0,
                net_minor=0,
            )
            for place, many in zip(places.tolist(), followers.tolist(), strict=True)
        ]

    @property
    def lessons_so(self) -> int:
        """How many lessons about opening the truth says, too."""
        return sum(self._is_so(*each) for each in self.learned)

    @property
    def lessons_not_so(self) -> int:
        return len(self.learned) - self.lessons_so

    def _is_so(self, name: str, level: str, way: str) -> bool:
        moves = self.told.number(_MOVES[name, level])
        return moves > 0 if way == "more" else moves < 0


def _levels(arm: "Arm", place: int, followers: int) -> dict[str, str]:
    notes = arm.notes
    written = {
        name: LEVELS[name][int(notes.words[place, column])] for column, name in enumerate(WRITTEN)
    }
    is_brand = bool(notes.author[place] >= arm.world.count)
    verified = "verified purchase" if arm.is_review[place] else "user"
    return {
        **written,
        "type": LEVELS["type"][int(notes.type[place])],
        "creator": attributes.creator(followers),
        "provenance": "brand" if is_brand else verified,
        "hour": LEVELS["hour"][0],
    }


def _assignment(found: Sequence[Lesson]) -> Assignment:
    return Assignment(
        language="en",
        brand="",
        product="",
        description="",
        category="",
        price="shown",
        audience="",
        tone="plain",
        claims=(),
        segments=("everybody",),
        variants=VARIANTS,
        lessons=found,
    )
