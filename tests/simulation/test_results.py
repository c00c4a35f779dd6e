"""Intervals and differences over replications, the document, the page, the command."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from redshop.simulation.factories import ComparisonFactory
from redshop.simulation.knobs import KNOBS
from redshop.simulation.models import Comparison
from redshop.simulation.results.page import page
from redshop.simulation.results.statistics import compare, holm, interval, is_precise
from redshop.simulation.services import comparisons


def test_an_interval_is_student_s() -> None:
    found = interval(np.array([1.0, 2.0, 3.0, 4.0]))

    assert found.mean == 2.5
    assert found.half_width == pytest.approx(3.182446 * 1.290994 / 2, rel=1e-5)
    assert np.isnan(interval(np.array([1.0])).low)
    assert np.isnan(interval(np.array([np.nan])).mean)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    found = [interval(rng.normal(size=6)) for _ in range(2_000)]

    assert np.mean([each.low <= 0 <= each.high for each in found]) == pytest.approx(0.95, abs=0.015)


def test_differences_are_paired() -> None:
    noise = [3.0, -2.0, 5.0, 0.5]
    results = [{"a": {"m": 10 + n}, "b": {"m": 11 + n + 0.01 * n}} for n in noise]

    [row] = compare(results, against="a")

    assert (row.arm, row.against, row.metric) == ("b", "a", "m")
    assert row.low < row.difference < row.high
    assert row.difference == pytest.approx(1 + 0.01 * np.mean(noise))
    assert row.variance_ratio > 10_000
    assert is_precise(results, against="a", metric="m", half_width=0.02)
    assert not is_precise(results, against="a", metric="m", half_width=0.0001)


def test_holm_allows_for_what_is_read_at_once() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(holm([float("nan"), 0.01])[0])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\nquestion = "Is <b> told as it is?"\nmetric = "orders"\nwindows = [7]\n'
        "[population]\npeople = 150\ndays = 5\n[attention]\nexposures_thinned = 6\n"
        "[purchase]\nproduct_view_factor = 8.0\ncart_factor = 8.0\n"
        '[arms.loop]\n[arms.away.purchase]\nchannel = "link_out"\n',
        encoding="utf-8",
    )
    return file


@pytest.mark.django_db
def test_the_command_tells_writes_and_draws_what_a_scenario_came_to(
    mine: Path, tmp_path: Path
) -> None:
    out, written, drawn = StringIO(), tmp_path / "a.json", tmp_path / "a.html"

    call_command(
        "simulate", str(mine), replications=2, json_file=written, html_file=drawn, stdout=out
    )

    told = json.loads(written.read_text(encoding="utf-8"))
    assert {
        "scenario", "version", "seed", "digest", "arms", "paired", "calibration", "truth",
        "attribution", "assumptions",
    } <= told.keys()  # fmt: skip
    assert set(told["arms"]) == {"loop", "away"}
    assert told["arms"]["loop"]["orders"].keys() == {"mean", "low", "high"}
    assert {row["against"] for row in told["paired"]} == {"loop"}
    assert all(row["kind"] in {"assumed", "borrowed"} for row in told["assumptions"])
    assert told["truth"]["loop"]["largest_gap"] < 1e-9
    html = drawn.read_text(encoding="utf-8")
    assert "Is &lt;b&gt; told as it is?" in html
    assert "<strong>Simulated.</strong>" in html
    assert "http" not in html.replace("http://www.w3.org", "")  # nothing is elsewhere
    assert page(told) == html
    assert page(Comparison.objects.get().document) == html
    assert "Differences from loop" in out.getvalue()


@pytest.mark.django_db
def test_assumptions_are_swept_one_at_a_time(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, key = tmp_path / "a.json", "purchase.link_out_paid"
    monkeypatch.setattr(comparisons, "KNOBS", {key: KNOBS[key]})

    call_command(
        "simulate", str(mine), replications=2, sweep=2, json_file=written, stdout=StringIO()
    )

    told = json.loads(written.read_text(encoding="utf-8"))
    assert [(row["key"], row["value"], row["arm"]) for row in told["sweep"]] == [
        (key, 0.3, "away"),
        (key, 0.9, "away"),
    ]
    low, high = (row["difference"] for row in told["sweep"])
    assert low < high <= 0  # the fewer are lost on the way, the less it costs
    assert f"<td>{key}</td>" in page(told)


def test_a_conclusion_that_turns_with_an_assumption_is_marked() -> None:
    document = ComparisonFactory.build().document
    ends = [
        {"key": "trust.user", "arm": "other", "value": value, "share": share, "low": share - 0.01,
         "high": share + 0.01, "difference": share}
        for value, share in ((-0.2, -0.05), (0.2, 0.05))
    ]  # fmt: skip

    assert '<td class="no">trust.user</td>' in page({**document, "sweep": ends})
    assert "depends on that" not in page(document)


@pytest.mark.django_db
def test_replications_end_once_differences_are_known_well_enough(
    mine: Path, tmp_path: Path
) -> None:
    written = tmp_path / "a.json"

    call_command(
        "simulate", str(mine), replications=12, half_width=50.0, json_file=written,
        keep=False, stdout=StringIO(),
    )  # fmt: skip

    assert json.loads(written.read_text(encoding="utf-8"))["replications"] == 4
    assert not Comparison.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nothing"], "there is no scenario 'nothing'"),
        (["default", "--people", "3"], "population.people must be between"),
        (["default", "--seed", "-1"], "--seed must be between"),
    ],
)
def test_what_cannot_be_simulated_is_told_in_one_line(arguments: list[str], problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        call_command("simulate", *arguments)


@pytest.mark.django_db
def test_only_scenarios_of_the_project_live_in_the_database(mine: Path) -> None:
    with pytest.raises(CommandError, match="lives in memory"):
        call_command("simulate", str(mine), world="backend")


@pytest.mark.django_db
def test_the_admin_shows_what_was_found_and_its_page(admin_client: Client) -> None:
    kept = ComparisonFactory.create()
    listed = admin_client.get(reverse("admin:simulation_comparison_changelist"))
    address = reverse("admin:simulation_comparison_page", args=[kept.pk])
    shown = admin_client.get(reverse("admin:simulation_comparison_change", args=[kept.pk]))

    assert "orders of other +4.0 % beside as_is (+3.0 to +5.0)" in listed.content.decode()
    assert address in shown.content.decode()
    assert "Differences from <em>as_is</em>" in admin_client.get(address).content.decode()
    assert (
        admin_client.get(reverse("admin:simulation_comparison_page", args=[0])).status_code == 404
    )


@pytest.mark.django_db
def test_the_page_of_a_comparison_is_for_staff(client: Client) -> None:
    address = reverse("admin:simulation_comparison_page", args=[ComparisonFactory.create().pk])

    assert client.get(address)["Location"].startswith("/admin/login/")
