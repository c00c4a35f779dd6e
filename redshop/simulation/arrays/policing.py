"""Covert advertisements and whoever looks for them: the advice of ``notes.integrity`` at work.

Every product note of people without a label is scored by ``covert.advise``, as moderators are shown
it; what scores high is taken down a day later (a moderator follows the advice: assumed). What notes
say is put together from what their words are like.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from notes.integrity import covert
from notes.integrity.covert import FEWEST, LATELY, Facts
from redshop.simulation.arrays.draws import Purpose, uniforms
from redshop.simulation.types import Bools, Ints
from redshop.studio.attributes import LEVELS, WRITTEN

if TYPE_CHECKING:
    from redshop.simulation.arrays.arm import Arm

#: Honest notes that ask to buy (assumed).
HONEST_CALLS: Final = 0.02
_PRICE, _HOOK = WRITTEN.index("price"), WRITTEN.index("hook")
_SHOWN, _LOUD = LEVELS["price"].index("shown"), LEVELS["hook"].index("exclamation")
#: Names the draw, apart from those that ``world`` makes for a note.
_STEP: Final = 17


def found_out(arm: "Arm", day: int) -> Ints:
    """Return the notes of a day that look like advertisements and do not say so."""
    notes = arm.notes
    written = slice(arm.world.written)
    of_day = np.flatnonzero(arm.exists[written] & (notes.day[written] == day))
    is_person = notes.author[of_day] < arm.world.count
    unlabelled = is_person & (notes.product[of_day] >= 0) & ~arm.is_told_paid()[of_day]
    candidates = of_day[unlabelled]
    calls = asks_to_buy(arm, candidates)
    return np.array(
        [
            note
            for note, asks in zip(candidates.tolist(), calls.tolist(), strict=True)
            if covert.advise(_facts(arm, note, asks_to_buy=asks)).is_high
        ],
        dtype=np.int64,
    )


def asks_to_buy(arm: "Arm", places: Ints) -> Bools:
    """Tell which notes ask to buy: covert advertisements more often than honest notes."""
    drawn = uniforms(seed=arm.world.seed, purpose=Purpose.NOTE, step=_STEP, persons=places)
    share = np.where(arm.is_paid[places], arm.told.number("labels.asks_to_buy"), HONEST_CALLS)
    return np.asarray(drawn < share)


def _facts(arm: "Arm", note: int, *, asks_to_buy: bool) -> Facts:
    notes = arm.notes
    author, product, words = notes.author[note], notes.product[note], notes.words[note]
    before = np.flatnonzero((notes.author == author) & arm.exists & (notes.day < notes.day[note]))
    recent = before[np.argsort(notes.day[before], kind="stable")][-LATELY:]
    of_brand = float((notes.brand[recent] == notes.brand[note]).mean()) if len(recent) else 0.0
    said = [
        "¥199" if words[_PRICE] == _SHOWN else "",
        "!!!" if words[_HOOK] == _LOUD else "",
        "link in bio" if asks_to_buy else "",
    ]
    return Facts(
        text=" ".join(said),
        is_labelled=False,
        products=1,
        share_of_brand=of_brand if len(recent) >= FEWEST else 0.0,
        has_bought=bool(arm.memory.owns[author, product]),
    )
