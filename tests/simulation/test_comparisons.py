"""Comparisons: begun once, lived by whoever is there, gone on with, given up, concluded."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from django.conf import settings

from redshop.simulation import tasks
from redshop.simulation.arrays import replication
from redshop.simulation.errors import ScenarioInvalid
from redshop.simulation.knobs import KNOBS
from redshop.simulation.metrics import METRICS
from redshop.simulation.models import Comparison, ComparisonState, WrittenScenario
from redshop.simulation.progress import Progress
from redshop.simulation.scenario import ready, restored
from redshop.simulation.services import comparisons, replicates, scenarios
from redshop.simulation.services.comparisons import Design
from tests.simulation.worlds import scenario

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TRIAL = replace(
    scenario({"a": {}, "b": {"trust.video": 0.0}}, population__people=60, population__days=3),
    metric="open_rate",
)


def begun(replications: int = 2, **told: float) -> Comparison:
    return comparisons.begin(
        Design(scenario=TRIAL, seed=5, replications=replications, **told),  # type: ignore[arg-type]
        at=NOW,
    )


def lived(comparison: Comparison) -> Comparison:
    while replicates.live_next(comparison_id=comparison.pk):
        pass
    return Comparison.objects.get(pk=comparison.pk)


def test_a_scenario_that_was_written_down_is_the_same_again() -> None:
    for each in (*ready().values(), TRIAL):
        assert restored(each.as_text()) == each
        assert restored(each.as_text()).digest == each.digest


def test_what_was_begun_is_gone_on_with_and_nothing_is_lived_twice() -> None:
    first = begun(3)
    assert replicates.live_next()
    assert comparisons.stop(comparison_id=first.pk)
    assert not replicates.live_next()

    again = begun(3)

    assert again == first
    assert Progress.of(again).done == 1
    found = lived(again)
    assert found.state == ComparisonState.COMPLETE
    assert list(found.replicates.values_list("attempts", flat=True)) == [1, 1, 1]
    assert begun(3) != first  # what is complete is not begun again: this is another one


def test_what_was_interrupted_comes_to_what_was_not(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lived(begun(3))
    monkeypatch.setattr(comparisons, "code", lambda: "of_another_time")
    assert not replicates.live_next()
    broken = begun(3)
    lived_in_turns = 0
    while replicates.live_next():
        lived_in_turns += 1
        comparisons.stop(comparison_id=broken.pk)
        comparisons.resume(comparison_id=broken.pk)

    assert lived_in_turns == 3
    assert Comparison.objects.get(pk=broken.pk).text == whole.text


def test_versions_of_the_code_are_never_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    first = begun()
    monkeypatch.setattr(comparisons, "code", lambda: "of_another_time")

    assert not replicates.live_next()
    assert comparisons.wanted() == 0
    assert Progress.of(first).is_of_other_code
    assert begun() != first


def test_a_world_that_cannot_be_lived_makes_its_comparison_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    comparison, working = begun(), replication.replicate

    def fail(*_: object, **__: object) -> None:
        raise ArithmeticError("no such number")

    monkeypatch.setattr(replicates, "replicate", fail)
    for _ in range(replicates.MOST_STARTS):
        with pytest.raises(ArithmeticError):
            replicates.live_next()

    comparison.refresh_from_db()
    assert comparison.state == ComparisonState.FAILED
    assert comparison.trouble == "replication 0: ArithmeticError: no such number"
    assert not replicates.live_next()
    monkeypatch.setattr(replicates, "replicate", working)
    assert comparisons.resume(comparison_id=comparison.pk)
    assert lived(comparison).state == ComparisonState.COMPLETE


def test_a_world_that_kills_whoever_lives_it_is_given_up() -> None:
    comparison = begun()
    comparison.replicates.filter(number=0).update(attempts=replicates.MOST_STARTS)

    with pytest.raises(RuntimeError, match="never ended"):
        replicates.live_next()

    comparison.refresh_from_db()
    assert comparison.state == ComparisonState.FAILED


def test_replications_are_asked_for_until_differences_are_known_well_enough() -> None:
    loose, strict = lived(begun(12, half_width=50.0)), lived(begun(6, half_width=1e-9))

    assert loose.replications == comparisons.LOOKS
    assert strict.replications == 6


def test_a_process_that_died_before_the_conclusion_leaves_it_to_the_next() -> None:
    comparison = begun(1)
    with replicates._taken(comparison.pk) as taken:
        assert taken is not None
        replicates._live(taken)
    assert comparisons.wanted() == 1

    replicates.advance_all()

    assert Comparison.objects.get(pk=comparison.pk).state == ComparisonState.COMPLETE
    assert comparisons.wanted() == 0


def test_the_task_lives_one_and_rings_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    begun(2)
    rings: list[object] = []
    monkeypatch.setattr(tasks.live, "apply_async", lambda **kwargs: rings.append(kwargs))

    for _ in range(3):
        tasks.live()

    assert len(rings) == 2
    assert Comparison.objects.get().state == ComparisonState.COMPLETE


def test_every_value_lies_in_the_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "trust.user"
    monkeypatch.setattr(comparisons, "KNOBS", {key: KNOBS[key]})
    found = lived(begun(2, sweep=1))

    file = Path(settings.LAKE_URL) / found.parquet
    with duckdb.connect() as database:
        rows = database.execute(
            "SELECT key, value, replication, arm, simulated FROM read_parquet(?)"
            " WHERE metric = 'open_rate' ORDER BY ALL",
            [str(file)],
        ).fetchall()
        count = database.execute("SELECT count(*) FROM read_parquet(?)", [str(file)]).fetchone()

    ends = KNOBS[key].sweep
    assert ends is not None
    assert [row[:4] for row in rows] == [
        *(("", 0.0, number, arm) for number in (0, 1) for arm in "ab"),
        *((key, end, 0, arm) for end in sorted(ends) for arm in "ab"),
    ]
    assert count == (len(rows) * len(METRICS),)
    mean = sum(row[4] for row in rows if not row[0] and row[3] == "a") / 2
    assert json.loads(found.text)["arms"]["a"]["open_rate"]["mean"] == pytest.approx(mean)
    replicates.forget(comparison_id=found.pk)
    assert not file.exists()


# -- scenarios that are written ---------------------------------------------------------------


def test_the_project_s_scenarios_are_rows_that_follow_their_files() -> None:
    kept = WrittenScenario.objects.filter(is_ready=True)
    assert set(kept.values_list("name", flat=True)) == set(ready())
    kept.filter(name="audiences").update(text="of an older version")
    WrittenScenario.objects.create(name="gone", text="", is_ready=True, changed_at=NOW)

    scenarios.bring_ready(WrittenScenario, at=NOW)

    assert 'name = "audiences"' in kept.get(name="audiences").text
    assert not WrittenScenario.objects.filter(name="gone").exists()
    assert list(kept.filter(changed_at=NOW).values_list("name", flat=True)) == ["audiences"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "not TOML"),
        ('name = "mine"\n[trust]\nvideo = 9.0', "trust.video must be between"),
        ('name = "audiences"', "there is a scenario 'audiences'"),
        ('name = "mine"\nmetric = "happiness"', "metric must be one of"),
        ('name = "mine"\n[discovery]\npolicy = "none_v1"', "there is no ranking policy none_v1"),
        ('name = "mine"\n[discovery]\npolicy = "learned_v1"', "needs a learned model"),
    ],
)
def test_what_is_no_scenario_is_refused_with_its_reason(text: str, problem: str) -> None:
    with pytest.raises(ScenarioInvalid, match=problem):
        scenarios.checked(text)


def test_a_written_scenario_is_found_by_its_name() -> None:
    with pytest.raises(ScenarioInvalid):
        scenarios.named("mine")
    WrittenScenario.objects.create(name="mine", text='name = "mine"\nversion = 3', changed_at=NOW)

    assert scenarios.named("mine").version == 3
    assert scenarios.named("audiences") == ready()["audiences"]
