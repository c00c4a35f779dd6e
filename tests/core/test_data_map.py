"""What is kept about people is known, field by field."""

from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command

from redshop.core import data_map
from redshop.core.data_map import Erasure, Kind

ROOT = Path(__file__).resolve().parents[2]


def test_every_field_of_every_table_is_classified() -> None:
    assert data_map.unclassified() == []


def test_a_field_that_nobody_classified_fails_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    table = data_map.table_of("accounts.User")
    fields = {name: kind for name, kind in table.fields.items() if name != "city"}
    without = data_map.Table(table.label, fields, table.whose, table.erasure, table.kept)
    monkeypatch.setitem(data_map._tables, table.label, without)

    errors = [error for error in checks.run_checks() if error.id == "core.E001"]

    assert [error.msg for error in errors] == ["accounts.User.city is not classified."]


@pytest.mark.parametrize(
    ("erasure", "whose", "fields", "says"),
    [
        (Erasure.KEPT, ("person",), {"body": Kind.WORDS}, "is kept with body"),
        (Erasure.NOTHING, (), {"body": Kind.WORDS}, "body is said to be nobody's"),
        (Erasure.NOTHING, ("person",), {}, "is somebody's, and nothing is erased in it"),
        (Erasure.BLANKED, (), {"body": Kind.WORDS}, "does not say whose it is"),
    ],
)
def test_a_map_that_contradicts_itself_fails_the_build(
    erasure: Erasure, whose: tuple[str, ...], fields: dict[str, Any], says: str
) -> None:
    table = data_map.Table("notes.Comment", fields, whose, erasure, "for good")

    assert data_map._contradictions(table)[0].endswith(says)


def test_the_page_says_what_the_map_says(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("data_map")

    assert capsys.readouterr().out == (ROOT / "docs" / "data_map.md").read_text()
