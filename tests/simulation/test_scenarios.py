"""What scenarios say is checked, told with where it stands, and found by name."""

import subprocess
import sys
from pathlib import Path

import pytest

from redshop.simulation.errors import ScenarioInvalid
from redshop.simulation.knobs import KNOBS
from redshop.simulation.scenario import find, parse, ready

WANTED = {
    "default", "closed_loop_vs_link_out", "intent_vs_endless_push",
    "organic_vs_paid_vs_cultivated", "authenticity_labels", "cold_start_creators",
    "attribution_windows", "returns_in_fashion", "audiences", "ways_to_earn",
}  # fmt: skip


def test_the_ready_scenarios_are_there_under_their_names() -> None:
    assert set(ready()) >= WANTED
    assert all(name == scenario.name for name, scenario in ready().items())
    assert all(scenario.question for scenario in ready().values())


@pytest.mark.parametrize("name", sorted(WANTED))
def test_arms_of_a_ready_scenario_differ(name: str) -> None:
    scenario = ready()[name]
    told = [tuple(scenario.settings(arm).values.items()) for arm in scenario.arms]
    assert len({*told}) == len(told)
    assert scenario.against in scenario.arms


def test_every_knob_is_within_its_own_range_and_says_where_it_is_from() -> None:
    for knob in KNOBS.values():
        assert not knob.problem_of(knob.default), knob.key
        assert knob.words
        assert knob.source
        if knob.sweep is not None:
            low, high = knob.sweep
            assert low <= float(knob.default) <= high, knob.key
            assert not knob.problem_of(low), knob.key
            assert not knob.problem_of(high), knob.key


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "not TOML"),
        ("version = 1", "name must be a text"),
        ('name = "x"\n[population]\npeople = 3', "population.people must be between 20 and"),
        ('name = "x"\n[population]\npeople = 30.5', "population.people must be a whole number"),
        ('name = "x"\n[population]\npeople = "many"', "population.people must be a number"),
        ('name = "x"\n[population]\npets = 3', "population.pets is not something"),
        ('name = "x"\n[purchase]\nchannel = "mail"', "must be one of closed_loop, link_out"),
        ('name = "x"\n[labels]\nverified = 1', "labels.verified must be true or false"),
        ('name = "x"\n[arms.one.trust]\nuser = 9', "arms.one.trust.user must be between"),
        ('name = "x"\narms = 3', "arms must be tables"),
        ('name = "x"\nagainst = "two"\n[arms.one]', "against must name an arm"),
        ('name = "x"\nwindows = [0]', "windows must be a list of days"),
        ('name = "x"\nversion = "1"', "version must be a whole number"),
    ],
)
def test_what_no_scenario_can_say_is_told_with_where_it_stands(text: str, problem: str) -> None:
    with pytest.raises(ScenarioInvalid) as refusal:
        parse(text)
    assert problem in refusal.value.detail


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ScenarioInvalid) as refusal:
        parse('name = 3\n[population]\npeople = 1\n[trust]\nuser = "no"')
    assert len(refusal.value.problems) == 3


def test_a_scenario_is_found_by_name_or_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\n[arms.a]\n[arms.b.trust]\nuser = 0.1\n', encoding="utf-8")

    mine = find(str(file))

    assert list(mine.arms) == ["a", "b"]
    assert (mine.settings("a").number("trust.user"), mine.settings("b").number("trust.user")) == (
        0.0,
        0.1,
    )
    assert find("default").name == "default"
    for wrong in ("nothing", str(tmp_path / "none.toml")):
        with pytest.raises(ScenarioInvalid):
            find(wrong)


def test_the_digest_is_of_what_is_said() -> None:
    one = ready()["default"]
    assert one.digest == one.with_told({}).digest
    assert one.digest != one.with_told({"trust.user": 0.01}).digest
    with pytest.raises(ScenarioInvalid):
        one.with_told({"trust.user": 100})


def test_who_shows_the_admin_compiles_nothing() -> None:
    looks = (
        "import django, sys; django.setup(); import redshop.simulation.admin;"
        " sys.exit('numba' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", looks], check=False).returncode == 0
