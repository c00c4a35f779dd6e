"""What a scenario can say: every number by its dotted name, its range, and how far to trust it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from redshop.simulation.behaviour import choice, publishing, purchase, sessions
from redshop.simulation.calibration import Figure, figures

Value = float | int | str | bool

#: Levels of words that may move people, by the name of their number.
CONTENT: Final = {
    "question": "a question in the title",
    "number": "a number in the title",
    "exclamation": "an exclamation in the title",
    "price_shown": "a price",
    "tutorial": "explaining how to choose",
    "review": "writing as a review does",
    "short": "a short text",
    "long": "a long text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """One number, word or switch of a scenario, with what it is unless one says otherwise."""

    key: str
    default: Value
    words: str
    least: float = 0.0
    most: float = 1.0
    choices: tuple[str, ...] = ()
    kind: str = "assumed"
    source: str = "no public number"
    #: Between these values an assumption is swept.
    sweep: tuple[float, float] | None = None

    def problem_of(self, value: object) -> str:
        """Return what is wrong with a value, or ""."""
        if isinstance(self.default, bool):
            return "" if isinstance(value, bool) else "must be true or false"
        if self.choices:
            return "" if value in self.choices else f"must be one of {', '.join(self.choices)}"
        if isinstance(self.default, str):
            return "" if isinstance(value, str) else "must be a text"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return "must be a number"
        if isinstance(self.default, int) and not isinstance(value, int):
            return "must be a whole number"
        if not self.least <= value <= self.most:
            return f"must be between {self.least:g} and {self.most:g}"
        return ""


def _knob(
    key: str,
    default: Value,
    words: str,
    least: float = 0.0,
    most: float = 1.0,
    *,
    choices: tuple[str, ...] = (),
    sweep: tuple[float, float] | None = None,
    kind: str = "assumed",
) -> Knob:
    source = "decided by whoever writes the scenario" if kind == "design" else "no public number"
    return Knob(
        key=key,
        default=default,
        words=words,
        least=least,
        most=most,
        choices=choices,
        kind=kind,
        source=source,
        sweep=sweep,
    )


#: What is decided by whoever writes the scenario.
_DESIGN: Final = (
    _knob("population.people", 2_000, "How many people live here.", 20, 5_000_000, kind="design"),
    _knob("population.days", 14, "For how many days.", 1, 365, kind="design"),
    _knob("calendar.starts_on", 0, "Weekday of the first day, Monday is 0.", 0, 6, kind="design"),
    _knob("calendar.campaign_first", -1, "First day of a campaign; -1: there is none.", -1, 365,
          kind="design"),
    _knob("calendar.campaign_days", 3, "Days that it lasts.", 1, 60, kind="design"),
    _knob("attention.exposures_thinned", 1, "One exposure of so many is simulated.", 1, 100,
          kind="design"),
    _knob("purchase.product_view_factor", 1.0, "Product views, times the calibrated rate.", 0,
          1_000, kind="design"),
    _knob("purchase.cart_factor", 1.0, "Carts, times the calibrated rate.", 0, 1_000,
          kind="design"),
    _knob("purchase.paid_factor", 1.0, "Payments, times the calibrated rate.", 0, 1_000,
          kind="design"),
    _knob("purchase.price_factor", 1.0, "Prices, times those of the assortment.", 0.1, 10,
          kind="design"),
    _knob("purchase.channel", "closed_loop", "Where people buy what they see.",
          choices=("closed_loop", "link_out"), kind="design"),
    _knob("discovery.policy", "ces_folk_v4", "The ranking policy of explore, by its label.",
          kind="design"),
    _knob("discovery.small_followers", 1_000, "Followers from which a creator is not small.", 1,
          10**9, kind="design"),
    _knob("discovery.small_share", -1.0, "Share of places for small creators; -1: the policy's.",
          -1, 1, kind="design"),
    _knob("labels.paid", "disclosed", "Whether readers are told that a note is paid for.",
          choices=("disclosed", "undisclosed"), kind="design"),
    _knob("labels.verified", default=True, words="Whether proven purchases are marked.",
          kind="design"),
    _knob("labels.policing", default=False, words="Whether notes are taken down that look like"
          " advertisements and do not say so.", kind="design"),
    _knob("growth.mode", "none", "What the brand spends its budget on.",
          choices=("none", "paid", "seeded", "drafted", "cultivated"), kind="design"),
    _knob("growth.brand", 0, "The brand that spends, by its place in the assortment.", 0, 1_000,
          kind="design"),
    _knob("growth.budget_minor", 0, "What it spends in all, in minor units.", 0, 10**12,
          kind="design"),
    _knob("growth.without_brand", -1, "A brand whose products no note shows; -1: none. What the"
          " same world sells more with them is what its notes bring.", -1, 1_000, kind="design"),
    _knob("growth.without_note", -1, "A note that is never written; -1: none. What it brings is the"
          " difference to this, with all that is shown in its place.", -1, 1e9, kind="design"),
    _knob("growth.without_author", -1, "An author who never writes; -1: none. As above.", -1, 1e9,
          kind="design"),
    _knob("business.model", "marketplace", "How the platform earns.",
          choices=("marketplace", "advertising", "cross_border"), kind="design"),
)  # fmt: skip
#: What no public number says: to be swept.
_ASSUMED: Final = (
    _knob("calendar.weekend_factor", 1.08, "Activity at weekends, times that of workdays.", 0.5, 2,
          sweep=(1.0, 1.2)),
    _knob("calendar.campaign_factor", 1.6, "Carts during a campaign, times other days'.", 0.5, 10,
          sweep=(1.2, 2.5)),
    _knob("attention.satiation", 0.004, "Logits that a note opened today takes from the next.", 0,
          1, sweep=(0.0, 0.01)),
    _knob("attention.ad_fatigue", 0.05, "Logits that a paid note on the screen today takes from"
          " the next paid one.", 0, 1, sweep=(0.0, 0.2)),
    _knob("attention.session_factor", 1.0, "Requests of a session, times the calibrated ones.",
          0.1, 3),
    _knob("search.first_share", 0.26, "Sessions that begin with a search.", sweep=(0.17, 0.35)),
    _knob("search.further_pages", 0.2, "Requests that follow a search in search and ask for more"
          " of the same.", sweep=(0.0, 0.4)),
    _knob("discovery.of_interest", 0.35, "Proposals of explore that are of shelves which the"
          " system knows to interest somebody.", sweep=(0.2, 0.55)),
    _knob("discovery.on_target", 0.8, "Proposals of a search that are of what was meant.",
          sweep=(0.6, 1.0)),
    _knob("discovery.sharpness", 3.0, "Power of the score by which proposals are accepted: how"
          " far down its own order a feed reaches.", 0, 50, sweep=(1.5, 6.0)),
    _knob("discovery.search_sharpness", 3.0, "The same of searches.", 0, 50, sweep=(1.0, 6.0)),
    _knob("discovery.following_share", sessions.FOLLOWING_SHARE, "Feed requests that ask for"
          " followed creators, of those who follow somebody.", sweep=(0.05, 0.25)),
    _knob("purchase.interest_half_life", purchase.HALF_LIFE_DAYS, "Days after which interest in a"
          " product has halved.", 0.1, 365, sweep=(3.0, 14.0)),
    _knob("purchase.opened", purchase.OPENED, "Interest that an opened note adds.", 0, 10,
          sweep=(0.1, 0.6)),
    _knob("purchase.read_deeply", purchase.READ_DEEPLY, "Interest that a deep read adds.", 0, 10,
          sweep=(0.2, 1.0)),
    _knob("purchase.viewed", purchase.VIEWED, "Interest that a product view adds.", 0, 10,
          sweep=(0.5, 2.0)),
    _knob("purchase.price_sensitivity", purchase.PRICE_SENSITIVITY, "Log-elasticity of carting.",
          0, 5, sweep=(0.4, 1.6)),
    _knob("purchase.again", purchase.AGAIN, "Views of a product that one owns, times others'.",
          sweep=(0.05, 0.5)),
    _knob("purchase.errand_share", 0.03, "Active days on which somebody looks for a product"
          " without a note.", sweep=(0.01, 0.06)),
    _knob("purchase.errand_carts", purchase.ERRAND_CARTS, "Carts of those.", sweep=(0.2, 0.6)),
    _knob("purchase.link_out_paid", 0.6, "Payments in a shop elsewhere, times those in the loop:"
          " another login, another form.", sweep=(0.3, 0.9)),
    _knob("purchase.refund_factor", 1.0, "Returns, times the calibrated ones.", 0, 2),
    _knob("purchase.verified_refund_factor", 1.0, "Returns of what a proven buyer's note led to,"
          " times others: they know what they get.", 0, 2, sweep=(0.7, 1.0)),
    *(
        _knob(f"trust.{name}", value, f"Logits of a note by {name.replace('_', ' ')}.", -3, 3,
              sweep=(value - 0.2, value + 0.2))
        for name, value in choice.TRUST.items()
    ),
    _knob("trust.video", -0.1, "Logits of a video beside pictures with text.", -3, 3,
          sweep=(-0.3, 0.0)),
    _knob("trust.erosion", 0.01, "Logits that trust in people's notes loses for each undisclosed"
          " paid note that each person opens and sees through.", 0, 1, sweep=(0.0, 0.05)),
    _knob("labels.asks_to_buy", 0.4, "Paid notes without a label that ask to buy in plain words.",
          sweep=(0.1, 0.7)),
    _knob("publishing.sponsored", 0.06, "People's product notes that a brand pays for.",
          sweep=(0.03, 0.12)),
    _knob("publishing.generated", 0.02, "Notes written by a model.", sweep=(0.01, 0.1)),
    _knob("publishing.about_purchase", publishing.WRITES_ABOUT_PURCHASE, "Sharers who write about"
          " what has arrived.", sweep=(0.2, 0.7)),
    _knob("publishing.response", 0.3, "How far creators publish more when they are seen more than"
          " others: power of the ratio.", 0, 2, sweep=(0.0, 0.6)),
    _knob("growth.thousand_shown_minor", 3_000, "What a thousand paid impressions cost.", 1, 10**9,
          sweep=(1_500, 6_000)),
    _knob("growth.seeded_note_minor", 30_000, "What a note by a paid creator costs.", 1, 10**9,
          sweep=(15_000, 60_000)),
    _knob("growth.draft_minor", 3_000, "What a draft of the studio costs that the brand publishes,"
          " with its review, and those included that it does not.", 1, 10**9,
          sweep=(1_000, 10_000)),
    _knob("growth.draft_quality", 0.0, "Logits that a draft is liked more than a note of the brand"
          " that nobody drafted, whatever it learned.", -2, 2, sweep=(-0.2, 0.2)),
    *(
        _knob(f"content.{name}", 0.0, f"Logits that {words} adds to opening a note.", -2, 2)
        for name, words in CONTENT.items()
    ),
    _knob("business.ad_share", 0.08, "Places that are sold, where the platform lives on"
          " advertising.", sweep=(0.04, 0.15)),
    _knob("business.thousand_shown_minor", 3_000, "What a thousand of them bring.", 0, 10**9,
          sweep=(1_500, 6_000)),
    _knob("business.duty", 0.12, "What duty adds to prices across borders.", 0, 2,
          sweep=(0.0, 0.3)),
    _knob("business.slow_paid", 0.8, "Payments where delivery takes weeks, times others.",
          sweep=(0.5, 1.0)),
    _knob("business.margin", 0.15, "Margin of what the platform retails itself.",
          sweep=(0.05, 0.3)),
)  # fmt: skip
#: Figures of the calibration that a population is drawn by.
_DRAWN: Final = (
    "population.female_share",
    "population.sharer_share",
    "population.monthly_creator_share",
    "population.notes_per_creator_day",
    "population.daily_active_share",
    "population.tier_1_2_city_share",
    "population.exposures_per_active_day",
    "search.searcher_share",
    "funnel.product_view_given_open",
    "funnel.cart_given_product_view",
    "funnel.paid_given_cart",
    "funnel.follow_given_open",
    "link_out.returned_sample_share",
    "money.payment_fee",
)


def _of_figure(given: Figure) -> Knob:
    (low, high) = given.bounds.get("", (0.0, 1.0))
    return Knob(
        key=given.key,
        default=given.number,
        words=given.source,
        least=0.0,
        most=max(1.0, 2 * high),
        kind=given.kind,
        source=given.source,
        sweep=(low, high) if given.kind in {"assumed", "borrowed"} and given.bounds else None,
    )


def _all() -> Iterator[Knob]:
    yield from _DESIGN
    yield from (_of_figure(figures()[key]) for key in _DRAWN)
    yield from _ASSUMED


KNOBS: Final[Mapping[str, Knob]] = {knob.key: knob for knob in _all()}
