"""The funnel as a table, and the comparison of what is derived with what it derives from."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from redshop.conversion import rules
from redshop.conversion.models import Credit
from redshop.conversion.report import fit
from redshop.conversion.selectors import paths
from redshop.conversion.types import AttributionModel
from tests.conversion import world
from tests.conversion.test_dashboard import live
from tests.conversion.world import HOUR, NOW

pytestmark = pytest.mark.django_db


def run(name: str, *arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, **options)
    return out.getvalue()


def test_the_funnel_of_a_simulated_population_says_that_it_is_simulated() -> None:
    live("simulated")

    lines = run("funnel").splitlines()

    assert lines[0].startswith("SIMULATED figures: simulated people, ")
    numbers = {line[:15].strip(): line[15:].split()[:3] for line in lines[3:10]}
    assert numbers == {
        "impressions": ["1", "1", "100.00%"],
        "opens": ["1", "1", "100.00%"],
        "product views": ["0", "0", "0.00%"],
        "carts": ["0", "0", "0.00%"],
        "checkouts": ["0", "0", "0.00%"],
        "paid": ["1", "1", "100.00%"],
        "refunded": ["0", "0", "0.00%"],
    }
    assert lines[11] == "paid 258.00 CNY, refunded 129.00 CNY, net 129.00 CNY"
    assert lines[14].split()[-4:-1] == [lines[14].split()[-4], "1.0", "129.00"]


def test_real_figures_are_called_measured_and_fit_a_terminal() -> None:
    for price in (10**9, 10**7, 5):
        live("real", price=price)

    lines = run("funnel", notes=2).splitlines()

    assert lines[0].startswith("MEASURED figures: real people, ")
    assert max(len(line) for line in lines) <= 80
    assert [line.split()[-2] for line in lines[14:17]] == ["10,000,000.00", "100,000.00", "0.00"]


def test_an_empty_shop_prints_zeros() -> None:
    assert "paid 0.00 CNY, refunded 0.00 CNY, net 0.00 CNY" in run("funnel")


@pytest.mark.parametrize(
    ("text", "shown"), [("serum", "serum  "), ("敏感肌防晒", "敏感肌 "), ("ab防cd晒", "ab防cd ")]
)
def test_chinese_characters_take_two_columns(text: str, shown: str) -> None:
    assert fit(text, 7) == shown


def test_credits_that_can_be_rebuilt_reconcile() -> None:
    live("real")

    said = run("reconcile", "conversion", quiet=True)

    assert "conversion: credits of 1 paid lines and all sums, 0 differ" in said


def test_a_line_that_was_never_attributed_is_told() -> None:
    world.order(world.person(), (world.product(), 100), at=NOW)
    out = StringIO()

    with pytest.raises(CommandError, match="differences: conversion") as refused:
        call_command("reconcile", "conversion", quiet=True, stdout=out)

    assert refused.value.returncode == 1
    assert "not attributed" in out.getvalue()
    assert "conversion: credits of 1 paid lines and all sums, 1 differ" in out.getvalue()


def test_lines_of_earlier_rules_get_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    two = f"SELECT * FROM ({rules.SHARES}) AS every WHERE model IN ('linear', 'last_touch')"  # noqa: S608 - constants
    with monkeypatch.context() as earlier:
        earlier.setattr(paths, "_PLANNED", paths._PLANNED.replace(rules.SHARES, two))
        earlier.setattr(rules, "VERSION", 1)
        live("real")
    assert Credit.objects.values("model").distinct().count() == 2

    said = run("reattribute", quiet=True)

    assert said == "1 lines were credited by earlier rules, and are in line now.\n"
    assert Credit.objects.values("model").distinct().count() == len(AttributionModel)
    assert not Credit.objects.filter(kind="correction").exists()
    assert "0 lines were" in run("reattribute", quiet=True)
    assert "0 differ" in run("reconcile", "conversion", quiet=True)


def test_credits_that_no_event_supports_are_told() -> None:
    live("real")
    out = StringIO()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notes_producttag SET valid_from = %s", [timezone.now() + HOUR])

    with pytest.raises(CommandError, match="differences: conversion"):
        call_command("reconcile", "conversion", quiet=True, stdout=out)

    assert "superfluous last_touch" in out.getvalue()
    assert "conversion: credits of 1 paid lines and all sums, 12 differ" in out.getvalue()


@pytest.mark.django_db
def test_what_if_shows_another_window_beside_what_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    buyer, shown = world.person(), world.product()
    note = world.note(shown)
    world.event("note_open", world.NOW - 20 * world.DAY, buyer, note)
    world.attribute(world.order(buyer, (shown, 100), at=world.NOW))

    said = {}
    for engine in ("postgresql", "duckdb"):
        call_command("what_if", "--window-days", "20", "--engine", engine, verbosity=0)
        said[engine] = capsys.readouterr().out

    assert said["postgresql"] == said["duckdb"]
    there = [" ".join(line.split()) for line in said["duckdb"].splitlines()]
    assert there[0].startswith("MEASURED figures: real people, 2026-03-20 up to ")
    assert there[4:] == [
        f"{note.title} 1.0 1.00 CNY",
        "no note led there 0.0 0.00 CNY",
        "(by the credits that stand) 1.0 1.00 CNY",
        "all 1.0 1.00 CNY",
    ]
    with pytest.raises(CommandError, match="1 to 365"):
        call_command("what_if", "--window-days", "0")
