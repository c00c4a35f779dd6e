"""Rules are data, and each catches what its own corpus says and nothing else of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from notes.integrity import likeness
from notes.integrity.covert import Facts, advise
from notes.integrity.points import MOST, Limit, limits_at, points_at
from notes.integrity.rules import Kind, Rule, plain, rule, rules
from redshop.core import images
from tests.conversion.world import DAY, NOW

OF_TEXTS = [each for each in rules() if each.kind in {Kind.TEXT, Kind.LINK}]


def test_every_rule_says_what_it_forbids_how_to_mend_it_and_whence_it_comes() -> None:
    for each in rules():
        assert all([each.says, each.remedy, each.source, each.version >= 1]), each.key
    assert len({each.key for each in rules()}) == len(rules())


@pytest.mark.parametrize("asked", OF_TEXTS, ids=lambda each: each.key)
def test_a_rule_catches_its_corpus(asked: Rule) -> None:
    assert len(asked.caught) >= 4
    assert len(asked.passes) >= 3
    assert [text for text in asked.caught if asked.found_in(plain(text)) is None] == []
    assert [text for text in asked.passes if asked.found_in(plain(text)) is not None] == []


@pytest.mark.parametrize(
    "hidden",
    ["Ｂｕｙ ｆｏｌｌｏｗｅｒｓ here", "Buy\u200b fol\u200blowers", "BUY FOLLOWERS", "互\u2060赞"],
)
def test_words_are_found_however_they_are_hidden(hidden: str) -> None:
    assert rule("bought_engagement").found_in(plain(hidden)) is not None


def test_texts_that_are_almost_the_same_are_alike_and_others_are_not() -> None:
    asked = rule("copied_text")
    made = likeness.signature(asked.of)
    assert made is not None

    for text, is_caught in [
        *((t, True) for t in asked.caught),
        *((t, False) for t in asked.passes),
    ]:
        other = likeness.signature(text)
        assert other is not None
        alike = likeness.similarity([int(v) for v in made], [int(v) for v in other])
        assert (alike >= asked.at_least) is is_caught, text
        if is_caught:
            assert set(likeness.bands(made)) & set(likeness.bands(other))


def test_too_short_a_text_is_nobodys_copy() -> None:
    assert likeness.signature("Love this!") is None


@given(st.sets(st.integers(0, 300), min_size=60), st.sets(st.integers(0, 300), min_size=60))
def test_similarity_estimates_that_of_jaccard(one: set[int], other: set[int]) -> None:
    texts = [" ".join(f"w{value:04d}" for value in sorted(values)) for values in (one, other)]
    shingles = [
        {text[at : at + likeness.SHINGLE] for at in range(len(text) - likeness.SHINGLE + 1)}
        for text in texts
    ]
    true = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
    made = [likeness.signature(text) for text in texts]

    estimated = likeness.similarity(
        *[[int(v) for v in values] for values in made if values is not None]
    )

    assert abs(estimated - true) < 5 * np.sqrt(0.25 / likeness.VALUES)


def picture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((400, 300), Image.Resampling.BICUBIC)


def test_a_picture_is_recognised_scaled_and_blurred_and_another_is_not() -> None:
    made = images.fingerprint(picture(1))
    again = images.fingerprint(picture(1).resize((180, 130)).filter(ImageFilter.GaussianBlur(1)))
    other = images.fingerprint(picture(2))

    assert made is not None
    assert again is not None
    assert other is not None
    assert likeness.distance(made, again) <= likeness.MOST_BITS
    assert set(likeness.picture_bands(made)) & set(likeness.picture_bands(again))
    assert likeness.distance(made, other) > 10
    assert images.fingerprint(Image.new("RGB", (90, 90), "white")) is None


@given(st.integers(-(2**63), 2**63 - 1), st.sets(st.integers(0, 63), max_size=3))
def test_pictures_that_differ_in_three_signs_share_a_band(value: int, flipped: set[int]) -> None:
    other = value % (1 << 64)
    for place in flipped:
        other ^= 1 << place
    signed = other - (1 << 64) if other >> 63 else other

    assert likeness.distance(value, signed) == len(flipped)
    assert set(likeness.picture_bands(value)) & set(likeness.picture_bands(signed))


@pytest.mark.parametrize(
    ("violations", "after_days", "points"),
    [
        ([], 0, 0),
        ([(0, 2)], 0, 2),
        ([(0, 2)], 30, 0),
        ([(0, 6)], 29, 6),
        ([(0, 6)], 61, 2),
        ([(0, 8), (1, 8)], 1, 10),
        ([(0, 4), (35, 2)], 35, 4),
        ([(35, 2), (0, 4)], 65, 2),
    ],
)
def test_points_add_up_to_ten_and_go_by_two_a_month(
    violations: list[tuple[int, int]], after_days: int, points: int
) -> None:
    told = [(NOW + day * DAY, value) for day, value in violations]

    assert points_at(told, at=NOW + after_days * DAY) == points


def test_limits_grow_with_points() -> None:
    assert [limits_at(points) for points in (0, 1, 2, 7)] == [
        [], [], [Limit.WARNED], [Limit.WARNED, Limit.NO_START, Limit.REVIEWED],
    ]  # fmt: skip
    assert limits_at(MOST) == list(Limit)


def test_advice_is_given_with_its_reasons_and_only_about_what_bears_no_label() -> None:
    told = {"products": 1, "share_of_brand": 0.8, "has_bought": False, "is_labelled": False}
    pushing = Facts(text="Only ¥99 with my code! Amazing! Must-have! Buy it now", **told)  # type: ignore[arg-type]
    honest = Facts(text="Two weeks later my nose still peels.", **{**told, "share_of_brand": 0.0})  # type: ignore[arg-type]
    labelled = Facts(text=pushing.text, **{**told, "is_labelled": True})  # type: ignore[arg-type]

    assert advise(pushing).is_high
    assert "it asks to buy" in advise(pushing).reasons
    assert not advise(honest).is_high
    assert advise(labelled).score == 0
