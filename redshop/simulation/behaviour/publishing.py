"""Who writes notes, when, and of what quality."""

from typing import Final

import numpy as np

from redshop.simulation.calibration import figure
from redshop.simulation.types import Bools, Floats

#: Share of sharers who write about a product that has arrived (assumed).
WRITES_ABOUT_PURCHASE: Final = 0.45
#: A buyer who kept the product writes better about it, one who returns it rarely writes (assumed).
QUALITY_OF_BUYERS: Final = 0.3
#: Notes a day of a brand's account (assumed).
BRAND_NOTES_A_DAY: Final = 0.05


def write_today(creators: Bools, draws: Floats) -> Bools:
    """Tell which creators publish a note on a day: ``population.notes_per_creator_day``."""
    return creators & (draws < figure("population.notes_per_creator_day").number)


def writes_about_purchase(*, is_sharer: bool, draw: float) -> bool:
    """Tell whether a buyer publishes a note about what has arrived (sharers only)."""
    return is_sharer and draw < WRITES_ABOUT_PURCHASE


def note_quality(skill: Floats, normals: Floats) -> Floats:
    """Return the latent quality of notes: 0.6 skill of the author + 0.8 noise, standard normal."""
    return np.asarray(0.6 * skill + 0.8 * normals)
