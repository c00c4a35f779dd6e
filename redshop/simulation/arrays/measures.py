"""What an arm came to, in numbers: what is compared between arms, and what is calibrated."""

from collections.abc import Iterator

import numpy as np

from redshop.simulation.arrays import state
from redshop.simulation.arrays.arm import Arm
from redshop.simulation.arrays.today import paid_share
from redshop.simulation.arrays.truth import Truth
from redshop.simulation.behaviour.purchase import category_part
from redshop.simulation.calibration import REST, figure
from redshop.simulation.measured import Measured, rate
from redshop.simulation.types import Floats


def measure(arm: Arm, truth: Truth) -> dict[str, float]:
    """Return every metric of an arm; NaN where there is nothing to divide by."""
    counts, orders, told = arm.counts, arm.sales.orders, arm.told
    impressions = int(counts.looks[..., 0].sum())
    heads = arm.world.count / 1_000.0
    net = orders.net_minor
    mine = arm.world.shop.brand[orders.product] == told.whole("growth.brand")
    first = _days_from_first_note(arm)
    spent = told.number("growth.budget_minor") if told.text("growth.mode") != "none" else 0.0
    thinned = told.whole("attention.exposures_thinned")
    return {
        "exposures": rate(impressions * thinned, counts.active),
        "open_rate": rate(counts.opens.sum(), impressions),
        "engagement_rate": rate(counts.acts[:, 1:6].sum(), impressions),
        "search_share": rate(counts.requests[state.SEARCH], counts.requests.sum()),
        "orders": len(orders) / heads,
        "sales": float(orders.amount_minor.sum()) / heads,
        "net_sales": float(net.sum()) / heads,
        "net_share": rate(net.sum(), orders.amount_minor.sum()),
        "sales_of_notes": float(truth.by_note(net, len(arm.notes.author)).sum()) / heads,
        "sales_anyway": truth.anyway(net) / heads,
        "orders_in_7_days": float((first <= 7).sum()) / heads,
        "orders_in_30_days": float((first <= 30).sum()) / heads,
        "brand_orders": float(mine.sum()) / heads,
        "brand_net_sales": float(net[mine].sum()) / heads,
        "brand_return": (float(net[mine].sum()) - spent) / heads,
        "platform_revenue": _revenue(arm, net) / heads,
        "small_share": _small_share(arm),
        "exposure_gini": gini(arm.impressions[arm.exists].astype(np.float64)),
        "top_percent_likes": _top_percent(arm.interactions[arm.exists, 0]),
        "notes_published": counts.published / heads,
        "reviews": float(arm.is_review.sum()) / heads,
        "taken_down": counts.taken_down / heads,
        "taken_down_wrongly": counts.taken_down_wrongly / heads,
        "lessons_so": float(arm.garden.lessons_so) if arm.garden else 0.0,
        "lessons_not_so": float(arm.garden.lessons_not_so) if arm.garden else 0.0,
    }


def gini(values: Floats) -> float:
    """Return the Gini coefficient: half the mean absolute difference over the mean."""
    if not len(values) or not values.sum():
        return float("nan")
    ranks = np.arange(1, len(values) + 1)
    ordered = np.sort(values)
    return float((2 * ranks - len(values) - 1) @ ordered / (len(values) * ordered.sum()))


def calibrated(arm: Arm) -> Iterator[Measured]:
    """Yield what an arm made of each figure of the calibration."""
    counts, people = arm.counts, arm.world.people
    days = arm.world.days
    for name, share in {
        "population.female_share": people.is_female,
        "population.sharer_share": people.is_sharer,
        "population.monthly_creator_share": people.is_creator,
        "population.tier_1_2_city_share": people.in_large_city,
        "search.searcher_share": people.is_searcher,
    }.items():
        yield Measured(name, "", float(share.mean()))
    yield Measured(
        "population.user_generated_share", "", rate(counts.published_by_people, counts.published)
    )
    yield Measured(
        "population.notes_per_creator_day",
        "",
        rate(counts.published_by_creators, int(people.is_creator.sum()) * days),
    )
    yield Measured("population.daily_active_share", "", rate(counts.active, counts.person_days))
    yield from _attention(arm)
    yield from _funnel(arm)
    yield from _refunds(arm)
    yield Measured("exposure.small_creator_share", "", _small_share(arm), is_judged=False,
                   remark="nobody has 1,000 followers in a small world")  # fmt: skip


def _attention(arm: Arm) -> Iterator[Measured]:
    counts, thinned = arm.counts, arm.told.whole("attention.exposures_thinned")
    remark = f"×{thinned}, thinned" if thinned > 1 else ""
    shown = counts.looks[..., 0].sum() * thinned
    yield Measured("population.exposures_per_active_day", "", rate(shown, counts.active), remark)
    yield Measured(
        "search.request_share", "", rate(counts.requests[state.SEARCH], counts.requests.sum())
    )
    pages = arm.told.number("search.further_pages") * counts.pairs[3]
    searches = (counts.requests[state.SEARCH] - pages) * thinned
    yield Measured(
        "search.searches_per_searcher_day",
        "",
        rate(searches, counts.active * arm.world.people.is_searcher.mean()),
        f"{remark}; further pages left out".lstrip("; "),
    )
    pairs = ("feed_to_feed", "feed_to_search", "search_to_feed", "search_to_search")
    for name, count in zip(pairs, counts.pairs, strict=True):
        yield Measured("surface.transition", name, rate(count, counts.pairs.sum()))


def _funnel(arm: Arm) -> Iterator[Measured]:
    counts, told = arm.counts, arm.told
    shown, opens = counts.looks[..., 0].sum(), counts.opens
    yield Measured("funnel.open_given_impression", "", rate(opens.sum(), shown))
    for bit, action in enumerate(("like", "save", "comment", "share", "follow"), 1):
        key = f"funnel.{action}_given_open"
        for part in figure(key).parts:
            row = {"feed": 0, "search": 1}.get(part)
            did = counts.acts[:, bit].sum() if row is None else counts.acts[row, bit]
            of = opens.sum() if row is None else opens[row]
            yield Measured(key, part, rate(did, of))
    acts = counts.acts[:, 1:6].sum()
    yield Measured(
        "funnel.engagement_given_impression", "", rate(acts, shown), "the headline check"
    )
    views, carts, number = counts.acts[:, 6].sum(), counts.acts[:, 7].sum(), told.number
    paid = paid_share(told) / number("funnel.paid_given_cart")
    for key, done, of, factor in (
        ("product_view_given_open", views, opens.sum(), number("purchase.product_view_factor")),
        ("cart_given_product_view", carts, views, number("purchase.cart_factor")),
        ("paid_given_cart", counts.paying, counts.carts, paid),
    ):
        remark = f"÷{factor:g}, declared" if factor != 1 else ""
        yield Measured(f"funnel.{key}", "", rate(done, of * factor), remark)


def _refunds(arm: Arm) -> Iterator[Measured]:
    orders = arm.sales.orders
    shelves = arm.world.assortment.shelves
    parts = np.array([category_part(shelves[s].top) for s in arm.world.shop.shelf])[orders.product]
    known = figure("purchase.refund_share").parts
    parts = np.where(np.isin(parts, list(known)), parts, REST)
    came_back = np.isfinite(orders.refunded)
    for part in known:
        mine = parts == part
        yield Measured("purchase.refund_share", part, rate(came_back[mine].sum(), mine.sum()))


def _days_from_first_note(arm: Arm) -> Floats:
    """Return the days from the first note about it to the payment, infinite where there is none."""
    orders = arm.sales.orders
    starts, ends = orders.path.ends[:-1], orders.path.ends[1:]
    found = np.full(len(orders), np.inf)
    there = ends > starts
    found[there] = orders.paid[there] - orders.path.values[starts[there]]
    return found


def _small_share(arm: Arm) -> float:
    """Return the share of impressions of people's notes that small creators have."""
    is_person = arm.notes.author < arm.world.count
    places = arm.place_of[arm.notes.author]
    shown = arm.impressions * is_person
    return rate((shown * arm.is_small(places)).sum(), shown.sum())


def _top_percent(likes: Floats) -> float:
    most = np.sort(likes)[::-1][: max(len(likes) // 100, 1)]
    return rate(most.sum(), likes.sum())


def _revenue(arm: Arm, net: Floats) -> float:
    """Return what the platform earns: commission, places sold, or the margin of a retailer."""
    told, shop = arm.told, arm.world.shop
    if told.text("business.model") == "advertising":
        thousands = arm.counts.promoted * told.whole("attention.exposures_thinned") / 1_000.0
        return thousands * told.number("business.thousand_shown_minor")
    if told.text("business.model") == "cross_border":
        return told.number("business.margin") * float(net.sum())
    if told.text("purchase.channel") == "link_out":
        return 0.0
    shelves = arm.world.assortment.shelves
    rates = figure("money.marketplace_commission")
    commission = np.array([rates.at(category_part(shelves[s].top)) for s in shop.shelf])
    return float((commission[arm.sales.orders.product] * net).sum())
