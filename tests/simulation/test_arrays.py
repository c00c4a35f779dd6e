"""The population in memory: common random numbers, the truth about sales, attribution judged."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from redshop.conversion.types import MARKOV, AttributionModel
from redshop.simulation.arrays import truth
from redshop.simulation.arrays.arm import Arm
from redshop.simulation.arrays.credits import judge
from redshop.simulation.arrays.draws import Purpose, normals, uniforms
from redshop.simulation.arrays.measures import calibrated, gini, measure
from redshop.simulation.arrays.replication import replicate
from redshop.simulation.calibration import figure
from redshop.simulation.errors import ScenarioInvalid
from redshop.simulation.measured import check
from redshop.simulation.results.statistics import compare
from redshop.simulation.scenario import without
from redshop.simulation.types import Floats
from tests.notes.policies import policy
from tests.simulation.worlds import lived, scenario

pytestmark = pytest.mark.django_db

EVERYBODY = np.arange(50_000)


def drawn(purpose: Purpose = Purpose.ACTIVE, **names: int) -> Floats:
    told = {"seed": 1, "step": 0, "slot": 0, "attempt": 0, **names}
    return uniforms(purpose=purpose, persons=EVERYBODY, **told)


# -- random numbers --------------------------------------------------------------------------


def test_a_draw_is_a_hash_of_its_name_alone() -> None:
    whole = drawn()
    some = uniforms(seed=1, purpose=Purpose.ACTIVE, step=0, persons=EVERYBODY[7_000:7_010])

    assert np.array_equal(some, whole[7_000:7_010])
    assert (whole[0], whole[1]) == (0.4918233524566047, 0.3019230186619076)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"step": 1},
        {"slot": 1},
        {"attempt": 1},
        {"purpose": Purpose.REQUESTS},
    ],
)
def test_draws_are_even_and_independent_by_every_part_of_their_names(other: dict[str, int]) -> None:
    one, two = drawn(), drawn(**other)  # type: ignore[arg-type]

    assert one.mean() == pytest.approx(0.5, abs=0.006)
    assert one.var() == pytest.approx(1 / 12, abs=0.002)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.02
    counts = np.histogram(one, bins=64, range=(0, 1))[0]
    assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 110  # chi squared, p = 0.0002


def test_normals_are_standard() -> None:
    found = normals(seed=1, purpose=Purpose.NOTE, step=0, persons=EVERYBODY)

    assert found.mean() == pytest.approx(0, abs=0.02)
    assert found.std() == pytest.approx(1, abs=0.02)


# -- arms ------------------------------------------------------------------------------------


def test_arms_that_agree_differ_by_exactly_nothing() -> None:
    trial = scenario({"a": {}, "b": {}})

    found = replicate(trial, {"ces_folk_v4": policy("ces_folk_v4")}, seed=1, number=0)

    assert found.metrics["a"] == found.metrics["b"]
    assert found.attribution["a"] == found.attribution["b"]
    [*rows] = compare([found.metrics, found.metrics], against="a")
    assert {row.difference for row in rows} == {0.0}


def test_a_small_change_is_seen_with_a_tenth_of_the_variance_and_less() -> None:
    trial = scenario({"a": {}, "b": {"trust.verified_purchase": 0.3, "trust.video": -0.12}})
    policies = {"ces_folk_v4": policy("ces_folk_v4")}
    results = [replicate(trial, policies, seed=2, number=n).metrics for n in range(6)]

    rows = {row.metric: row for row in compare(results, against="a")}

    assert rows["open_rate"].variance_ratio > 10
    assert rows["engagement_rate"].variance_ratio > 10
    assert rows["open_rate"].difference < 0


def test_another_policy_changes_what_is_shown_and_no_more() -> None:
    found = lived(scenario({"a": {}, "b": {"discovery.policy": "endless_push_v1"}}))
    a, b = found["a"].arm, found["b"].arm

    assert a.counts.active == b.counts.active
    assert a.counts.requests.sum() == b.counts.requests.sum()
    assert not np.array_equal(a.impressions, b.impressions)
    liked = [np.corrcoef(x.impressions, x.interactions[:, 0])[0, 1] for x in (a, b)]
    assert liked[1] > liked[0]  # what is liked is pushed


# -- the truth -------------------------------------------------------------------------------

COEFFICIENTS = np.array([0.05, 1.0, 1.4, 0.1, 1.0, 1.2, 0.7, 0.34])


def worth(interests: float) -> float:
    return float(truth.chance_of(np.array([interests]), *COEFFICIENTS)[0])


def by_definition(others: list[float], own: float) -> list[float]:
    """Shapley's formula over every subset; player 0 led there."""
    players = range(len(others) + 1)

    def value(members: tuple[int, ...]) -> float:
        if 0 not in members:
            return 0.0
        return worth(own + sum(others[player - 1] for player in members if player))

    found = []
    for player in players:
        rest = [other for other in players if other != player]
        found.append(
            sum(
                factorial(size)
                * factorial(len(others) - size)
                / factorial(len(others) + 1)
                * (value((*some, player)) - value(some))
                for size in range(len(rest) + 1)
                for some in combinations(rest, size)
            )
        )
    return found


@pytest.mark.parametrize("others", [[], [0.5], [0.1, 2.0, 0.7], [0.3] * 4])
def test_shares_are_shapley_s_by_his_definition(others: list[float]) -> None:
    found = truth.exact(np.array(others), 0.2, COEFFICIENTS)

    assert found == pytest.approx(by_definition(others, 0.2), abs=1e-12)
    assert found.sum() == pytest.approx(worth(0.2 + sum(others)), abs=1e-12)


def test_sampled_shares_add_up_exactly_and_come_near() -> None:
    others = np.array([0.1, 2.0, 0.7, 0.4])
    found = truth.sampled(others, 0.2, COEFFICIENTS, np.uint64(12_345))

    exact = truth.exact(others, 0.2, COEFFICIENTS)
    assert found.sum() == pytest.approx(exact.sum(), abs=1e-12)
    assert found == pytest.approx(exact, rel=0.35)


def test_baseline_and_shares_add_up_to_the_chance_with_which_every_order_was_drawn() -> None:
    trial = scenario(calendar__campaign_first=3, calendar__campaign_days=2)
    found = lived(trial)["base"]
    orders, told = found.arm.sales.orders, found.truth
    sizes = np.diff(told.shares.ends)
    whole = np.bincount(
        np.repeat(np.arange(len(orders)), sizes), told.shares.values, minlength=len(orders)
    )

    assert len(orders) > 50
    drawn = orders.chance + told.baseline * (1 - orders.chance)  # by notes, or else without
    assert np.abs(told.baseline + whole - drawn).max() < 1e-9
    assert np.array_equal(told.chance, told.baseline + (1 - told.baseline) * orders.chance)
    assert (orders.again < 1).any()
    assert np.all(told.shares.values >= 0)
    assert np.all((told.baseline > 0) & (told.chance < 1))
    assert np.all(sizes[orders.note < 0] == 0)
    assert np.all(sizes[orders.note >= 0] >= 1)


def test_what_a_brand_s_notes_brought_is_what_the_same_world_sells_less_without_them() -> None:
    """Where notes do not act together, nobody comes without one, and nobody buys less again."""
    apart = {
        "purchase.opened": 0.0, "purchase.read_deeply": 0.0, "purchase.viewed": 0.0,
        "purchase.again": 1.0, "purchase.errand_share": 0.0, "publishing.about_purchase": 0.0,
    }  # fmt: skip
    arms = {"with": apart, "without": {**apart, "growth.without_brand": 3}}
    found = lived(scenario(arms, population__people=1_000, purchase__cart_factor=14.0))  # type: ignore[arg-type]
    orders, told = found["with"].arm.sales.orders, found["with"].truth

    by_note = told.by_note(np.ones(len(orders)), len(found["with"].arm.notes.author))
    mine = found["with"].arm.notes.brand == 3

    less = len(orders) - len(found["without"].arm.sales.orders)
    assert less > 10
    assert by_note[mine].sum() == pytest.approx(less, abs=1e-9)


# -- attribution -----------------------------------------------------------------------------


def test_every_model_is_judged_by_the_shop_s_own_rules() -> None:
    found = lived(scenario(purchase__errand_share=0.1))["base"]

    rows = judge(found.arm, found.truth, (1, 30))

    assert [(row.model, row.window_days) for row in rows] == [
        (model, days) for days in (1, 30) for model in (*AttributionModel, MARKOV)
    ]
    wide = {row.model: row for row in rows if row.window_days == 30}
    assert len({round(row.bias, 6) for row in wide.values()}) == 1  # all divide the same sales
    assert wide["linear"].misplaced < wide["first_touch"].misplaced
    assert all(0 <= row.misplaced <= 1 and 0 < row.anyway < 1 for row in rows)
    narrow = {row.model: row for row in rows if row.window_days == 1}
    assert narrow["linear"].bias < wide["linear"].bias


def test_sales_elsewhere_are_known_by_a_sample() -> None:
    found = lived(scenario({"link_out": {"purchase.channel": "link_out"}}))["link_out"]

    [row, *_] = judge(found.arm, found.truth, (30,))

    assert -0.6 < row.bias < 0.6  # scaled up to all of them
    assert not found.arm.is_review.any()  # nothing proves a purchase elsewhere


# -- figures ---------------------------------------------------------------------------------


def test_the_default_world_is_as_it_is_calibrated() -> None:
    trial = scenario(
        population__people=2_000, attention__exposures_thinned=1, population__days=6,
        purchase__product_view_factor=1.0, purchase__cart_factor=1.0, purchase__paid_factor=1.0,
    )  # fmt: skip
    arm = lived(trial)["base"].arm

    rows = [check(figure(row.key), row) for row in calibrated(arm)]

    # of a few thousand carts at most, so that chance alone may carry these out of their ranges
    rare = {
        "funnel.paid_given_cart", "funnel.cart_given_product_view", "purchase.refund_share.other",
        "purchase.refund_share.fashion", "funnel.save_given_open.search",
    }  # fmt: skip
    outside = {row.name for row in rows if row.is_inside is False}
    assert outside <= rare
    assert sum(row.is_inside is True for row in rows) >= 26


def test_shapes_of_attention() -> None:
    trial = scenario(population__people=1_500, attention__exposures_thinned=2)
    arm = lived(trial)["base"].arm
    looks = arm.counts.looks

    def rates(search: int) -> Floats:
        return np.asarray(looks[search, :, :, 1].sum(axis=1) / looks[search, :, :, 0].sum(axis=1))

    falls = [rates(search)[10:16].mean() / rates(search)[0] for search in (0, 1)]
    assert falls[1] < falls[0] < 1
    by_type = looks[..., 1].sum(axis=(0, 1)) / looks[..., 0].sum(axis=(0, 1))
    assert by_type[0] > by_type[1]  # pictures with text above videos
    acts, opens = arm.counts.acts, arm.counts.opens
    rate = acts / opens[:, None]
    assert rate[1, 2] > rate[0, 2]  # saved more in search,
    assert rate[0, 1] > rate[1, 1]  # liked
    assert rate[0, 3] > rate[1, 3]  # and commented on more in the feed
    likes = np.sort(arm.interactions[arm.exists, 0])[::-1]
    assert likes[: len(likes) // 100].sum() / likes.sum() > 0.03  # heavy-tailed
    found = measure(arm, truth.truth_of(arm))
    assert found["net_sales"] < found["sales"]
    assert found["orders_in_30_days"] >= found["orders_in_7_days"]


def test_a_lookback_of_a_week_misses_a_third_of_the_sales_and_more() -> None:
    trial = scenario(population__people=300, population__days=40, attention__exposures_thinned=12)
    found = lived(trial)["base"]

    told = measure(found.arm, found.truth)

    assert told["orders_in_30_days"] >= 1.5 * told["orders_in_7_days"] > 0


def test_inequality_is_that_of_gini() -> None:
    assert gini(np.array([1.0, 1.0, 1.0])) == 0.0
    assert gini(np.array([0.0, 0.0, 1.0])) == pytest.approx(2 / 3)
    assert np.isnan(gini(np.zeros(3)))


def test_a_budget_buys_what_it_buys() -> None:
    budget = {"growth.budget_minor": 600_000, "growth.brand": 2}
    arms = {
        mode: {"growth.mode": mode, **budget} for mode in ("none", "paid", "seeded", "cultivated")
    }
    found = lived(scenario(arms))  # type: ignore[arg-type]

    def bought(mode: str) -> int:
        arm = found[mode].arm
        return int((arm.exists & (arm.notes.bought > 0)).sum())

    assert (bought("none"), bought("paid")) == (0, 0)
    assert bought("seeded") == 20  # 600,000 at 30,000
    assert bought("cultivated") == 200  # at 3,000
    assert found["paid"].arm.counts.promoted > 0
    told = found["paid"].arm
    shown = told.counts.promoted * 6  # one in six is simulated
    assert shown == pytest.approx(
        200_000, rel=0.6
    )  # at 3,000 a thousand, of explore's places alone


# -- without one thing -----------------------------------------------------------------------


def test_a_creator_who_never_writes_is_missed_from_their_first_note_on() -> None:
    usual = lived(scenario())["base"].arm
    seen = np.bincount(
        usual.notes.author, weights=usual.impressions * usual.exists, minlength=usual.world.count
    )
    creator = int(seen[: usual.world.count].argmax())
    first = usual.notes.day[(usual.notes.author == creator) & usual.exists].min()

    found = lived(without(scenario(), f"creator:{creator}"))
    there, missing = found["with"].arm, found["without"].arm

    assert (there.impressions == usual.impressions).all()
    assert not missing.exists[missing.notes.author == creator].any()
    others = missing.notes.author != creator
    assert missing.impressions[others].sum() > there.impressions[others].sum()  # in their place
    early = [
        each.sales.orders.paid[each.sales.orders.paid < first + 1] for each in (there, missing)
    ]
    assert early[0].tolist() == early[1].tolist()


def test_a_note_that_is_never_written_is_the_only_one_missing() -> None:
    usual = lived(scenario())["base"].arm
    note = int((usual.impressions * (usual.notes.day > 2)).argmax())

    found = lived(without(scenario(), f"note:{note}"))
    there, missing = found["with"].arm, found["without"].arm

    assert there.exists[note]
    assert not missing.exists[note]
    assert missing.impressions[note] == 0


@pytest.mark.parametrize("what", ["note", "note:x", "creator:-1", "nothing", "budget:1", "policy:"])
def test_what_cannot_be_left_out_is_refused(what: str) -> None:
    with pytest.raises(ScenarioInvalid, match="say note:N"):
        without(scenario(), what)


def test_what_is_shared_is_shown_to_followers(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = scenario(discovery__following_share=0.9)
    shared = lived(trial)["base"].arm
    monkeypatch.setattr(Arm, "_share", lambda *_: None)
    silent = lived(trial)["base"].arm

    assert (shared.shared >= 0).any()
    assert (silent.shared < 0).all()
    assert (shared.impressions != silent.impressions).any()
