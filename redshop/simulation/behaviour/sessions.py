"""When people open the app, and whether they browse or search once they are in."""

from typing import Final

import numpy as np

from redshop.simulation.calibration import figure
from redshop.simulation.types import Bools, Floats, Ints

#: Weight of each local hour: a small peak at noon, a large one from 20 to 23 (assumed).
HOURS: Final = np.array(
    [2, 1, 0.5, 0.3, 0.3, 0.5, 1.5, 3, 4, 4, 4, 5, 6.5, 5, 4, 4, 4, 4.5, 5.5, 7, 9, 10, 9, 5.4]
)
#: Share of feed requests that ask for the notes of people one follows (assumed).
FOLLOWING_SHARE: Final = 0.12
#: How many times longer sessions are that begin with a search, because people refine what they ask
#: for (assumed).
SEARCH_SESSION: Final = 1.5
SECONDS_A_DAY: Final = 86_400


def are_active(activity: Floats, draws: Floats) -> Bools:
    """Tell who opens the app on a day: a Bernoulli trial at each person's own rate.

    The mean rate is ``population.daily_active_share``.
    """
    return draws < activity


def counts(means: Floats, draws: Floats) -> Ints:
    """Return how many sessions, or requests, there are: 1 + Geometric, with means of at least 1.

    By inversion, P(extra >= k) = q^k with q = (mean - 1) / mean. The shape is assumed.
    """
    q = np.maximum((means - 1) / means, 1e-12)
    return np.asarray(1 + np.floor(np.log1p(-draws) / np.log(q)), dtype=np.int64)


def starts(draws: Floats, *, utc_offset_hours: float) -> Floats:
    """Return seconds after midnight UTC at which sessions start, by inversion of the local hours.

    Linear inside an hour, so a draw decides the second too.
    """
    cumulative = np.concatenate([[0.0], np.cumsum(HOURS) / HOURS.sum()])
    local = np.interp(draws, cumulative, np.arange(25.0)) * 3_600
    return np.asarray((local - utc_offset_hours * 3_600) % SECONDS_A_DAY)


def search_share() -> float:
    """Return the long-run share of searches among requests that the transitions imply.

    Two-state Markov chain: feed -> search over the sum of both crossings (``surface.transition``).
    """
    leave_feed, leave_search = crossings()
    return leave_feed / (leave_feed + leave_search)


def first_searches(searchers: Bools, draws: Floats, share: float) -> Bools:
    """Tell whose session begins with a search: a share of all (``search.first_share``), searchers
    only.
    """
    return searchers & (draws < share / figure("search.searcher_share").number)


def mean_requests(mean: float, searching: Bools, share: float) -> Floats:
    """Return the mean requests of sessions: those that begin with a search are longer.

    mean x SEARCH_SESSION / m for searches, mean / m for the rest, m keeping the overall mean.
    """
    overall = 1 + share * (SEARCH_SESSION - 1)
    return np.asarray(np.maximum(mean / overall * np.where(searching, SEARCH_SESSION, 1.0), 1.0))


def next_searches(searching: Bools, searchers: Bools, draws: Floats) -> Bools:
    """Tell who searches next, given who searched last (``surface.transition``, measured)."""
    leave_feed, leave_search = crossings()
    return searchers & np.where(searching, draws >= leave_search, draws < leave_feed)


def crossings() -> tuple[float, float]:
    """Return P(search | feed before) and P(feed | search before)."""
    table = figure("surface.transition")
    to_search, to_feed = table.at("feed_to_search"), table.at("search_to_feed")
    return (
        to_search / (to_search + table.at("feed_to_feed")),
        to_feed / (to_feed + table.at("search_to_search")),
    )
