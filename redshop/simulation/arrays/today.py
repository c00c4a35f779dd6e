"""What the kernels of an arm take on a day: its rules, its notes as they are, what is proposed."""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from notes.discovery.policies import INTERESTS, SEARCH
from notes.discovery.ranking.features import engagement, freshness
from notes.discovery.ranking.pool import INTERACTIONS
from redshop.simulation.arrays.garden import appeal_of
from redshop.simulation.arrays.state import NOTE, Pool, Rules, Table
from redshop.simulation.arrays.world import CULTIVATED, NOBODY, POOL_DAYS
from redshop.simulation.behaviour import engagement as acting
from redshop.simulation.behaviour import purchase, sessions
from redshop.simulation.calibration import figure
from redshop.simulation.scenario import Settings
from redshop.simulation.types import Floats, Ints

if TYPE_CHECKING:
    from redshop.simulation.arrays.arm import Arm

HOURS: Final = 24.0
#: What somebody shared is shown to their followers for so many days (assumed).
SHARED_DAYS: Final = 4
#: What counts as a high score: that of the best notes in all, and of somebody's interest.
HIGH, HIGH_INTEREST = 0.98, 0.7


def rules_of(arm: "Arm", day: int, table: Table) -> Rules:
    told, policy, number = arm.told, arm.policy, arm.told.number
    leave_feed, leave_search = sessions.crossings()
    small = number("discovery.small_share")
    # an exposure stands for as many as are thinned away
    stands_for = told.whole("attention.exposures_thinned") / purchase.THINNED
    return Rules(
        seed=arm.world.seed,
        day=day,
        interest=policy.interest,
        following=policy.following,
        of_interest=number("discovery.of_interest"),
        on_target=number("discovery.on_target"),
        bound=_high_score(arm, table),
        seen_factor=policy.seen_factor,
        repeat_factor=policy.author_repeat_factor,
        author_cap=policy.author_cap,
        small_share=policy.small_share if small < 0 else small,
        sharpness=number("discovery.sharpness"),
        search_bound=1.0 + float(table["search"][table["exists"]].max(initial=0.1)),
        search_sharpness=number("discovery.search_sharpness"),
        following_share=number("discovery.following_share"),
        leave_feed=leave_feed,
        leave_search=leave_search,
        prior=INTERESTS.prior,
        half=INTERESTS.half,
        satiation=number("attention.satiation"),
        ad_fatigue=number("attention.ad_fatigue"),
        paid_reach=_paid_reach(arm),
        actions=_action_rates(told),
        view_rate=number("funnel.product_view_given_open")
        * number("purchase.product_view_factor"),
        cart_rate=number("funnel.cart_given_product_view") * number("purchase.cart_factor")
        * float(campaign_of(told, np.array([day]))[0]),
        paid=paid_share(told),
        elasticity=number("purchase.price_sensitivity"),
        opened=number("purchase.opened") * stands_for,
        read_deeply=number("purchase.read_deeply") * stands_for,
        viewed=number("purchase.viewed") * stands_for,
        just_viewed=number("purchase.viewed"),
        half_life=number("purchase.interest_half_life"),
        again=number("purchase.again"),
        errand_share=number("purchase.errand_share"),
        errand_carts=number("purchase.errand_carts"),
    )  # fmt: skip


def _high_score(arm: "Arm", table: Table) -> float:
    """Return what the best notes have for somebody whom they interest."""
    there = table["explore"][table["exists"]]
    if not len(there):
        return 1.0
    return float(np.quantile(there, HIGH)) + HIGH_INTEREST * arm.policy.interest


def _paid_reach(arm: "Arm") -> float:
    """Return the chance that a place of explore is sold."""
    told = arm.told
    if told.text("business.model") == "advertising":
        return told.number("business.ad_share")
    if told.text("growth.mode") != "paid":
        return 0.0
    bought = told.number("growth.budget_minor") / told.number("growth.thousand_shown_minor")
    thinned = told.whole("attention.exposures_thinned")
    shown = (
        arm.world.count * arm.world.days * told.number("population.daily_active_share")
        * told.number("population.exposures_per_active_day") / thinned
    )  # fmt: skip
    return min(bought * 1_000.0 / thinned / shown, 0.5)


def table_of(arm: "Arm", day: int) -> Table:
    """Return the notes as they are on a day, records of ``NOTE``."""
    notes, policy = arm.notes, arm.policy
    age_hours = np.maximum((day - notes.day + 0.5) * HOURS, 0.0)
    interactions = dict(zip(INTERACTIONS, arm.interactions.T, strict=True))
    liked = engagement(interactions, policy=policy)
    places = arm.place_of[notes.author]
    columns = {
        "author": notes.author,
        "author_place": places,
        "likes": arm.interactions[:, 0],
        "quality": notes.quality,
        "median_dwell": notes.median_dwell,
        "trust": _trust(arm),
        "explore": policy.engagement * liked
        + policy.freshness * freshness(age_hours, policy.half_life_hours)
        + policy.newcomer * ((arm.impressions < 100) & (age_hours < 7 * HOURS)),
        "search": SEARCH.engagement * liked
        + SEARCH.freshness * freshness(age_hours, SEARCH.half_life_hours),
        "shelf": notes.shelf,
        "product": notes.product,
        "language": notes.language,
        "type": notes.type,
        "exists": arm.exists & (notes.day < day) & (notes.day >= day - POOL_DAYS),
        "is_paid": arm.is_told_paid(),
        "is_small": arm.is_small(places),
    }
    table = np.empty(len(places), dtype=NOTE)
    for name, column in columns.items():
        table[name] = column
    return table


def _trust(arm: "Arm") -> Floats:
    """Return how far readers trust each note, in logits, by what they are told of it."""
    number, notes = arm.told.number, arm.notes
    is_brand = notes.author >= arm.world.count
    trust = np.where(is_brand, number("trust.brand"), number("trust.user") - arm.erosion)
    trust += number("trust.sponsored") * arm.is_told_paid()
    trust += number("trust.video") * (notes.type == 1)
    written = notes.generation < number("publishing.generated")
    trust += number("trust.generated") * written
    if arm.told.says("labels.verified"):
        trust += number("trust.verified_purchase") * arm.is_review
    trust += number("growth.draft_quality") * (notes.bought == CULTIVATED)
    return np.asarray(trust + appeal_of(notes.words, arm.told))


def pool_of(arm: "Arm", day: int) -> Pool:
    notes, shelves = arm.notes, len(arm.world.assortment.shelves)
    recent = np.flatnonzero(
        (notes.day[: arm.world.written] >= day - POOL_DAYS) & (notes.day[: arm.world.written] < day)
    )
    items = np.concatenate([recent, *arm.world.places_by_shelf])
    items = items[np.argsort(notes.shelf[items], kind="stable")]
    starts = np.searchsorted(notes.shelf[items], np.arange(shelves + 1))
    return Pool(items, starts, _promoted(arm, recent), _by_author(arm, recent))


def _promoted(arm: "Arm", recent: Ints) -> Ints:
    """Return the notes whose places are bought: the brand's, or those of all that advertise."""
    mine = recent[arm.exists[recent]]
    of_brands = mine[arm.notes.author[mine] >= arm.world.count]
    if arm.told.text("business.model") == "advertising":
        return of_brands
    if arm.told.text("growth.mode") != "paid":
        return of_brands[:0]
    is_mine = arm.notes.brand[of_brands] == arm.told.whole("growth.brand")
    return np.asarray(of_brands[is_mine])


def _by_author(arm: "Arm", recent: Ints) -> NDArray[np.int32]:
    """Return int32[authors, 8 + SHARED_DAYS]: what the followers of each are shown: the last notes
    that they wrote, and those that they shared.
    """
    found = np.full((len(arm.world.authors), 8), NOBODY, dtype=np.int32)
    there = recent[arm.exists[recent]]
    places = arm.place_of[arm.notes.author[there]]
    # a note keeps its place, so that arms that lack another one still propose it there
    found[places, arm.notes.day[there] % 8] = there
    return np.hstack([found, arm.shared])


def campaign_of(told: Settings, days: Floats) -> Floats:
    """Return float64[n]: how many times more is carted at some moments, for a campaign."""
    first, count = told.whole("calendar.campaign_first"), told.whole("calendar.campaign_days")
    is_on = (first >= 0) & (days >= first) & (days < first + count)
    return np.where(is_on, told.number("calendar.campaign_factor"), 1.0)


def paid_share(told: Settings) -> float:
    """Return P(paid | cart): the calibrated share, less what is lost on the way elsewhere."""
    share = told.number("funnel.paid_given_cart") * told.number("purchase.paid_factor")
    if told.text("purchase.channel") == "link_out":
        share *= told.number("purchase.link_out_paid")
    if told.text("business.model") == "cross_border":
        share *= told.number("business.slow_paid")
    return min(share, 0.95)


def _action_rates(told: Settings) -> Floats:
    """Return float64[actions, 2]: rates in the feed and in search."""
    rows = []
    for action in acting.ACTIONS:
        rates = figure(f"funnel.{action}_given_open")
        if "" in rates.parts:
            rows.append([told.number(rates.key)] * 2)
        else:
            rows.append([rates.at("feed"), rates.at("search")])
    return np.array(rows)
