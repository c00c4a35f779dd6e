"""Behaviour is pure: uniforms in, decisions out, means where the calibration puts them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshop.simulation.behaviour import choice, engagement, publishing, purchase, sessions
from redshop.simulation.calibration import figure, figures
from redshop.simulation.scenario import DEMO
from redshop.simulation.streams import stream

MANY = 200_000
uniforms = st.floats(min_value=0, max_value=1, exclude_max=True)


def many(purpose: str) -> np.ndarray:
    return stream(seed=1, purpose=purpose).random(MANY)


def test_a_stream_belongs_to_its_seed_purpose_day_and_person() -> None:
    def draw(seed: int, purpose: str, day: int, person: int) -> tuple[float, ...]:
        return tuple(stream(seed=seed, purpose=purpose, day=day, person=person).random(4))

    names = [(7, "open", 0, 0), (8, "open", 0, 0), (7, "like", 0, 0), (7, "open", 1, 0)]
    names.append((7, "open", 0, 1))

    draws = [draw(*name) for name in names]

    assert len(set(draws)) == len(names)
    assert draws == [draw(*name) for name in names]


def test_every_figure_says_its_kind_grade_and_source() -> None:
    assert len(figures()) > 25
    for read in figures().values():
        assert read.kind in {"measured", "claimed", "borrowed", "assumed"}
        assert read.grade in {"A", "B", "C"}
        assert read.source


def test_a_figure_admits_what_lies_inside_its_range() -> None:
    opens = figure("funnel.open_given_impression")
    likes = figure("funnel.like_given_open")
    transitions = figure("surface.transition")

    assert (opens.admits(0.13), opens.admits(0.129)) == (True, False)
    assert (likes.admits(0.05, part="search"), likes.admits(0.09, part="feed")) == (True, False)
    assert transitions.admits(0.60, part="feed_to_feed") is True
    assert figure("money.payment_fee").admits(0.5) is None
    assert figure("purchase.refund_share").at("electronics") == 0.20


def test_session_counts_have_the_mean_that_was_asked_for() -> None:
    counted = sessions.counts(np.full(MANY, 1.8), many("counts"))

    assert counted.min() == 1
    assert counted.mean() == pytest.approx(1.8, abs=0.02)
    assert sessions.counts(np.ones(MANY), many("counts")).tolist() == [1] * MANY


def test_sessions_that_begin_with_a_search_are_longer_and_the_mean_stays() -> None:
    searching = many("first") < 0.17

    means = sessions.mean_requests(1.6, searching, 0.17)

    assert means[searching][0] == pytest.approx(1.5 * means[~searching][0])
    assert means.mean() == pytest.approx(1.6, abs=0.01)


def test_sessions_start_most_often_in_the_evening_of_the_platform() -> None:
    starts = sessions.starts(many("starts"), utc_offset_hours=8.0)

    hours = np.bincount(((starts / 3_600 + 8) % 24).astype(int), minlength=24)
    assert int(hours.argmax()) == 21
    assert (starts.min() >= 0, starts.max() < 86_400) == (True, True)


@given(st.lists(uniforms, min_size=1, max_size=20))
def test_only_searchers_search(draws: list[float]) -> None:
    nobody = np.zeros(len(draws), dtype=bool)

    assert not sessions.first_searches(nobody, np.array(draws), 0.17).any()
    assert not sessions.next_searches(~nobody, nobody, np.array(draws)).any()


def test_a_long_session_searches_as_often_as_the_measured_transitions_imply() -> None:
    searching = np.zeros(2_000, dtype=bool)
    everyone = ~searching
    rng = stream(seed=1, purpose="walk")

    for _ in range(200):
        searching = sessions.next_searches(searching, everyone, rng.random(2_000))

    assert searching.mean() == pytest.approx(sessions.search_share(), abs=0.03)


def test_search_attention_falls_faster_with_position_than_feed_attention() -> None:
    positions = np.arange(20)

    feed = choice.examination(positions, np.zeros(20, dtype=bool))
    search = choice.examination(positions, np.ones(20, dtype=bool))

    assert feed[0] == search[0] == 1.0
    assert (np.diff(feed) < 0).all()
    assert (search[1:] < feed[1:]).all()


def test_an_open_is_likelier_for_what_fits_is_good_is_trusted_and_is_liked() -> None:
    def opened(**changed: float) -> float:
        features = {"affinity": 1.0, "quality": 0.0, "trust": 0.0, "likes": 0, **changed}
        utilities = choice.utility(
            affinity=np.array([features["affinity"]]),
            quality=np.array([features["quality"]]),
            trust=np.array([features["trust"]]),
            likes=np.array([int(features["likes"])]),
            foreign=np.array([False]),
            seen=np.array([False]),
        )
        return float(choice.open_probability(utilities, np.array([0]), np.array([False]))[0])

    plain = opened()

    assert opened(affinity=4.0) > plain
    assert opened(quality=1.0) > plain
    assert opened(trust=choice.TRUST["brand"]) < plain
    assert opened(likes=50) > plain


@pytest.mark.parametrize("action", engagement.ACTIONS)
def test_engagement_with_a_middling_note_is_near_the_calibrated_rate(action: str) -> None:
    rates = figure(f"funnel.{action}_given_open")
    affinity = np.full(2, 1.6)

    feed, search = engagement.probabilities(action, affinity, np.array([False, True]))

    expected = [rates.parts.get(part, rates.parts.get("", 0)) for part in ("feed", "search")]
    assert [feed, search] == pytest.approx(expected, rel=0.10)


@given(uniforms, uniforms)
def test_probabilities_of_buying_stay_probabilities(interest: float, affinity: float) -> None:
    interests, affinities = np.array([interest * 20]), np.array([affinity * 30])

    view = purchase.view_probability(interests, affinities, factor=50.0)
    cart = purchase.cart_probability(interests, np.array([0.2]), np.array([4.0]), factor=50.0)

    assert 0 <= view[0] <= 0.9
    assert 0 <= cart[0] <= 0.9
    assert purchase.paid_probability(factor=50.0) == 0.95


def test_what_costs_more_is_carted_less_and_thrift_makes_it_so() -> None:
    price, thrift = np.array([1.0, 2.0, 2.0]), np.array([1.0, 1.0, 2.0])

    cart = purchase.cart_probability(np.zeros(3), price, thrift, factor=1.0)

    assert cart[0] > cart[1] > cart[2]


def test_interest_halves_in_a_week() -> None:
    assert purchase.fade(np.array([2.0]), days=7).tolist() == [1.0]


def test_a_pram_is_thought_over_longer_than_a_dress() -> None:
    draws = many("delay")[:20_000]

    prams = np.mean([purchase.decision_days("mother-and-baby", d) for d in draws])
    dresses = np.mean([purchase.decision_days("fashion", d) for d in draws])

    assert prams == pytest.approx(15.0, rel=0.03)
    assert dresses == pytest.approx(2.0, rel=0.03)


def test_fashion_comes_back_most() -> None:
    draws = many("returns")[:20_000]

    fashion = purchase.are_returned(["fashion"] * len(draws), draws).mean()
    coffee = purchase.are_returned(["food"] * len(draws), draws).mean()

    assert fashion == pytest.approx(0.60, abs=0.02)
    assert coffee == pytest.approx(0.20, abs=0.02)


def test_quantities_are_mostly_one() -> None:
    bought = purchase.quantities(many("quantities"))

    assert sorted(set(bought.tolist())) == [1, 2, 3]
    assert (bought == 1).mean() == pytest.approx(0.86, abs=0.01)


def test_only_creators_write_on_their_own_and_only_sharers_about_purchases() -> None:
    nobody, draws = np.zeros(100, dtype=bool), np.zeros(100)

    assert not publishing.write_today(nobody, draws).any()
    assert publishing.write_today(~nobody, draws).all()
    assert not publishing.writes_about_purchase(is_sharer=False, draw=0.0)


def test_the_demo_says_what_it_deviates_in() -> None:
    assert DEMO.declaration.startswith(
        "declared: exposures thinned 1:12, purchase propensity ×202.5"
    )
