"""What people do with a note that they opened."""

from typing import Final

import numpy as np

from redshop.simulation.behaviour.marking import compilable
from redshop.simulation.calibration import figure
from redshop.simulation.types import Bools, Floats

#: How much more a reader does for a note that fits them, per unit of log affinity (assumed).
TILT: Final = 0.45
#: Mean of exp(TILT x log affinity) over opened notes, divided out to keep the calibrated means.
TILT_MEAN: Final = 1.35
#: Share of feed impressions that are answered with "do not show this again" (assumed).
HIDE_SHARE: Final = 0.0015
SHARERS_ONLY: Final = "share"
#: Median reading times in milliseconds by type of note, log-normal spread 0.8 (assumed).
MEDIAN_DWELL: Final = {"image": 14_000.0, "video": 21_000.0, "text": 17_000.0}
DWELL_SPREAD: Final = 0.8
ACTIONS: Final = ("like", "save", "comment", "share", "follow")


def probabilities(action: str, affinity: Floats, searching: Bools) -> Floats:
    """Return P(action | open): the calibrated rate of the surface, tilted by how well it fits.

    base(surface) x affinity ** TILT / TILT_MEAN, at most one. The bases are
    ``funnel.<action>_given_open``, measured by surface; follow has one rate for both.
    """
    rates = figure(f"funnel.{action}_given_open")
    if "" in rates.parts:
        base = np.full(len(affinity), rates.number)
    else:
        base = np.where(searching, rates.at("search"), rates.at("feed"))
    return tilted(base, affinity)


@compilable
def tilted(base: Floats, affinity: Floats) -> Floats:
    """Return base x (0.1 + affinity) ** TILT / TILT_MEAN, at most one."""
    return np.minimum(base * (0.1 + affinity) ** TILT / TILT_MEAN, 1.0)


@compilable
def dwell_ms(medians: Floats, affinity: Floats, normals: Floats) -> Floats:
    """Return reading time in milliseconds: log-normal, longer for what fits (assumed)."""
    return np.clip(
        medians * (0.5 + 0.5 * np.sqrt(affinity)) * np.exp(DWELL_SPREAD * normals), 500, 600_000
    )


@compilable
def completion(dwell: Floats, medians: Floats) -> Floats:
    """Return the share of the note that was read: 1 - exp(-dwell / (1.2 x median)) (assumed)."""
    return np.asarray(1.0 - np.exp(-dwell / (1.2 * medians)))


@compilable
def hides(affinity: Floats, draws: Floats) -> Bools:
    """Tell which unopened feed notes are hidden: HIDE_SHARE, halved for each unit of affinity."""
    return draws < HIDE_SHARE * 2.0 ** (1.0 - affinity)
