"""What docs/recovery.md finds in a log is what was planted, and what its table says."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command

from redshop.simulation.results.statistics import interval
from redshop.simulation.scenario import ready

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "recovery.md"
SEEDS = (7, 8, 9, 10)


pytestmark = pytest.mark.django_db


def logged(target: Path, **options: Any) -> Path:
    """Write the log of a world of the scenario; return where it is."""
    call_command(
        "simulate", "planted", replications=1, log_folder=target, keep=False, stdout=StringIO(),
        **options,
    )  # fmt: skip
    return target


@pytest.mark.soak
def test_what_was_planted_is_found_and_told(tmp_path: Path) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    worlds: list[dict[str, float]] = []
    for seed in SEEDS:
        names: dict[str, Any] = {"folder": logged(tmp_path / str(seed), seed=seed)}
        for block in blocks:
            exec(block, names)  # noqa: S102 - the document's own code
        worlds.append(names["found"])

    planted, told = ready()["planted"].settings(), _told(text)
    assert told.keys() == worlds[0].keys()
    for key, (as_planted, mean, low, high) in told.items():
        found = interval(np.array([each[key] for each in worlds]))
        assert found.low < planted.number(key) < found.high, key
        assert as_planted == planted.number(key)
        assert (found.mean, found.low, found.high) == pytest.approx((mean, low, high), abs=0.01)


def _told(text: str) -> dict[str, list[float]]:
    """Return the rows of the document's table: planted, found, low, high."""
    rows = re.findall(r"\| `((?:trust|purchase)\.\w+)` \|(.*)\|", text)
    return {key: [float(each) for each in re.findall(r"-?\d+\.?\d*", rest)] for key, rest in rows}


def test_the_tables_of_a_log_agree(tmp_path: Path) -> None:
    folder = logged(tmp_path, people=400, days=6)

    def one(query: str) -> tuple[Any, ...]:
        with duckdb.connect() as database:
            for file in folder.glob("*.parquet"):
                database.execute(f"CREATE VIEW {file.stem} AS FROM '{file}'")
            row = database.execute(query).fetchone()
        assert row is not None
        return row

    assert one("SELECT count(*) FROM shown ANTI JOIN notes USING (note)") == (0,)
    assert one("SELECT count(*) FROM shown WHERE NOT opened AND (read OR product_view)") == (0,)
    assert one("SELECT count(*) FROM shown WHERE cart_add AND NOT product_view") == (0,)
    assert one("SELECT count(*) FROM orders ANTI JOIN people USING (person)") == (0,)
    worst = 'SELECT max(abs(s - 1)) FROM (SELECT sum(share) AS s FROM truth GROUP BY "order")'
    assert one(worst)[0] < 1e-9
    led = """
        SELECT count(*) FROM orders AS o WHERE note >= 0 AND NOT EXISTS (
            SELECT 1 FROM shown AS s WHERE s.person = o.person AND s.note = o.note AND s.cart_add
            AND abs(s.day - o.carted) < 1e-9)
    """
    assert one(led) == (0,)
