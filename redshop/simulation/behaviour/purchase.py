"""From a product seen in a note to a paid order, a parcel and, often, a return."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from redshop.simulation.behaviour.marking import compilable
from redshop.simulation.calibration import figure
from redshop.simulation.types import Bools, Floats, Ints

#: Interest in a product: what an open, a deep read and a product view add (assumed), where one
#: exposure of THINNED is simulated ...
THINNED: Final = 12
OPENED: Final = 0.3
READ_DEEPLY: Final = 0.5
VIEWED: Final = 1.0
#: ... and how fast it fades, in days (assumed).
HALF_LIFE_DAYS: Final = 7.0
#: Log-elasticity of carting with the price relative to the shelf's middle (assumed).
PRICE_SENSITIVITY: Final = 0.8
#: How much less people look at a product that they own already (assumed).
AGAIN: Final = 0.15
#: Share of the days from the first touch to the payment that pass after the cart (assumed).
AFTER_CART: Final = 0.5
#: Chance that somebody who looks up a product without a note puts it in the cart (assumed).
ERRAND_CARTS: Final = 0.4
#: What becomes of a checkout (all assumed).
PAYS_LATER_NEVER: Final = 0.03
CARD_DECLINED_FIRST: Final = 0.03
CANCELS_BEFORE_SHIPPING: Final = 0.02
#: Quantities of a product bought at once, and their shares (assumed).
QUANTITIES: Final = ((1, 0.86), (2, 0.11), (3, 0.03))
#: Mean days, each exponential above a least time (assumed): dispatch, transport, acceptance,
#: and, for what comes back, the time from the parcel to the refund.
LEAST_DAYS: Final = {"ship": 0.15, "deliver": 0.8, "complete": 7.0, "return": 0.4}
MEAN_DAYS: Final = {"ship": 0.5, "deliver": 1.0, "complete": 0.5, "return": 1.0}


def category_part(top_category: str) -> str:
    """Return the name that the calibration's tables give to a top category."""
    return "mother_baby" if top_category == "mother-and-baby" else top_category


def fade(interest: Floats, *, days: float) -> Floats:
    """Return interest after some days without a touch: exponential with HALF_LIFE_DAYS."""
    return np.asarray(interest * 0.5 ** (days / HALF_LIFE_DAYS))


def view_probability(interest: Floats, affinity: Floats, *, factor: float) -> Floats:
    """Return P(product view | open of a note that shows it).

    ``funnel.product_view_given_open`` (assumed) x factor x (0.5 + affinity / 2)
    x (1 + interest) / 1.6, at most 0.9.
    """
    return viewing(figure("funnel.product_view_given_open").number * factor, interest, affinity)


@compilable
def viewing(base: float, interest: Floats, affinity: Floats) -> Floats:
    """Return base x (0.5 + affinity / 2) x (1 + interest) / 1.6, at most 0.9."""
    return np.minimum(base * (0.5 + 0.5 * affinity) * (1.0 + interest) / 1.6, 0.9)


def cart_probability(
    interest: Floats, relative_price: Floats, thrift: Floats, *, factor: float
) -> Floats:
    """Return P(cart | product view).

    ``funnel.cart_given_product_view`` (borrowed) x factor x (1 + interest) / 2.2
    x relative_price ** -(PRICE_SENSITIVITY x thrift), at most 0.9. ``relative_price`` is the
    price over the middle price of its shelf; ``thrift`` is 1 on average.
    """
    base = figure("funnel.cart_given_product_view").number * factor
    return carting(base, interest, relative_price, PRICE_SENSITIVITY * thrift)


@compilable
def carting(base: float, interest: Floats, relative_price: Floats, elasticity: Floats) -> Floats:
    """Return base x (1 + interest) / 2.2 x relative_price ** -elasticity, at most 0.9."""
    return np.minimum(base * (1.0 + interest) / 2.2 * relative_price ** (-elasticity), 0.9)


def paid_probability(*, factor: float) -> float:
    """Return P(paid | cart): ``funnel.paid_given_cart`` (borrowed) x factor, at most 0.95."""
    return min(figure("funnel.paid_given_cart").number * factor, 0.95)


def decision_days(top_category: str, draw: float) -> float:
    """Return days from cart to checkout: exponential, mean by category.

    AFTER_CART of ``purchase.days_to_convert`` (borrowed), which counts from the first touch;
    what falls beyond the simulated window is not seen, as in life.
    """
    mean = AFTER_CART * figure("purchase.days_to_convert").at(category_part(top_category))
    return float(-mean * np.log1p(-draw))


def stage_days(stage: str, draw: float) -> float:
    """Return days that a stage of fulfilment takes: LEAST_DAYS + exponential MEAN_DAYS."""
    return float(LEAST_DAYS[stage] - MEAN_DAYS[stage] * np.log1p(-draw))


def quantities(draws: Floats) -> Ints:
    """Return how many units are bought, by inversion of QUANTITIES."""
    limits = np.cumsum([share for _, share in QUANTITIES])
    values = np.array([quantity for quantity, _ in QUANTITIES])
    return np.asarray(values[np.minimum(np.searchsorted(limits, draws), len(values) - 1)])


def are_returned(top_categories: list[str], draws: Floats) -> Bools:
    """Tell which delivered lines go back: ``purchase.refund_share`` by category (claimed)."""
    shares: Mapping[str, float] = {
        top: figure("purchase.refund_share").at(category_part(top)) for top in set(top_categories)
    }
    return draws < np.array([shares[top] for top in top_categories])
