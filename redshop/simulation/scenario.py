"""What a scenario changes against the calibration, said in words beside every result."""

from dataclasses import dataclass
from typing import Final

from redshop.simulation.calibration import figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named set of deviations from the calibrated figures."""

    name: str
    #: One exposure of this many is simulated; requests and sessions thin with it.
    exposures_thinned: int = 1
    product_view_factor: float = 1.0
    cart_factor: float = 1.0
    paid_factor: float = 1.0

    @property
    def purchase_factor(self) -> float:
        """How many times more orders an opened note leads to than calibrated, all steps taken."""
        return self.product_view_factor * self.cart_factor * self.paid_factor

    @property
    def exposures_per_active_day(self) -> float:
        """Impressions that one person sees on a day on which they open the app."""
        return figure("population.exposures_per_active_day").number / self.exposures_thinned

    @property
    def declaration(self) -> str:
        """The deviations in one line, for every page and table that shows this population."""
        return (
            f"declared: exposures thinned 1:{self.exposures_thinned}, "
            f"purchase propensity ×{self.purchase_factor:g} (product views "
            f"×{self.product_view_factor:g}, carts ×{self.cart_factor:g}, "
            f"paid ×{self.paid_factor:g})"
        )


#: Small enough for a minute, rich enough that some hundreds of orders are there to look at.
DEMO: Final = Scenario(
    name="demo",
    exposures_thinned=12,
    product_view_factor=9.0,
    cart_factor=9.0,
    paid_factor=2.5,
)
SCENARIOS: Final = {DEMO.name: DEMO}
