"""Who lives here: demographics and latent interests, drawn once from the calibration."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from redshop.simulation.assortment import LANGUAGES, Assortment
from redshop.simulation.calibration import figure
from redshop.simulation.streams import stream
from redshop.simulation.types import Bools, Floats, Ints

#: Shares of people who read and write Chinese, English, Italian (assumed).
LANGUAGE_SHARES: Final = (0.68, 0.20, 0.12)
#: Concentration of interests: the lower, the fewer shelves a person cares about (assumed).
CONCENTRATION: Final = 0.35
#: Shape of the daily rates of opening the app, Beta with the calibrated mean (assumed).
ACTIVITY_SHAPE: Final = 1.2
#: Age when the window begins: log-normal, median 27, spread 0.28, 16 to 65 (assumed).
MEDIAN_AGE: Final = 27.0
AGE_SPREAD: Final = 0.28


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """One array entry a person; places are the people's indices everywhere in the simulation."""

    is_female: Bools
    age: Ints
    language: Ints
    in_large_city: Bools
    city: Ints
    activity: Floats
    is_searcher: Bools
    is_sharer: Bools
    is_creator: Bools
    interests: Floats
    thrift: Floats
    skill: Floats

    def __len__(self) -> int:
        return len(self.age)


def draw_people(
    *,
    seed: int,
    count: int,
    world: Assortment,
    figures: Callable[[str], float] = lambda key: figure(key).number,
) -> People:
    """Draw a population; shares come from ``population.*`` and ``search.searcher_share``.

    ``interests`` has one row a person and one column a shelf; a row's mean is 1. ``figures`` says
    what a figure is, where that is not as calibrated.
    """

    def draws(purpose: str) -> np.random.Generator:
        return stream(seed=seed, purpose=f"people:{purpose}")

    def share(name: str) -> Bools:
        return np.asarray(draws(name).random(count) < figures(name))

    is_female = share("population.female_share")
    creators, sharers = (
        figures(f"population.{name}") for name in ("monthly_creator_share", "sharer_share")
    )
    is_creator = _creators(draws("creators").random(count), creators)
    mean = figures("population.daily_active_share")
    ages = MEDIAN_AGE * np.exp(AGE_SPREAD * draws("age").standard_normal(count))
    return People(
        is_female=is_female,
        age=np.clip(ages, 16, 65).astype(np.int64),
        language=np.searchsorted(np.cumsum(LANGUAGE_SHARES[:-1]), draws("language").random(count)),
        in_large_city=share("population.tier_1_2_city_share"),
        city=draws("city").integers(0, 6, count),
        activity=draws("activity").beta(ACTIVITY_SHAPE, ACTIVITY_SHAPE * (1 / mean - 1), count),
        is_searcher=share("search.searcher_share"),
        is_sharer=is_creator
        | (draws("sharers").random(count) < (sharers - creators) / (1 - creators)),
        is_creator=is_creator,
        interests=_interests(draws("interests"), is_female, world),
        thrift=np.exp(0.5 * draws("thrift").standard_normal(count) - 0.125),
        skill=draws("skill").standard_normal(count),
    )


def _creators(draws: Floats, share: float) -> Bools:
    """Make a share creators, and at least one person so that notes are written."""
    most = max(1, round(share * len(draws)))
    return np.asarray(np.argsort(np.argsort(draws, kind="stable"), kind="stable") < most)


def _interests(rng: np.random.Generator, is_female: Bools, world: Assortment) -> Floats:
    """Return Dirichlet interests, leaning by gender as each shelf's audience does, mean 1."""
    leans = np.array([shelf.lean for shelf in world.shelves])
    gammas = rng.gamma(CONCENTRATION, size=(len(is_female), len(leans)))
    weights = (gammas + 1e-3) * np.exp(leans * (is_female[:, None] - 0.5))
    return np.asarray(weights / weights.mean(axis=1, keepdims=True))


def language_of(people: People, index: int) -> str:
    """Return the language that a person reads and writes."""
    return LANGUAGES[int(people.language[index])]
