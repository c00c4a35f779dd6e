"""Ten thousand real journeys of another shop, against figures that others have published."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import pytest
from django.db import connection

from redshop.conversion import rules
from tests.conversion.world import NOW
from tests.real_data import real

pytestmark = [pytest.mark.django_db, pytest.mark.realdata]

#: The names that the published table gives to models of ours.
PUBLISHED: Final = {
    "first_touch": "first",
    "last_touch": "last",
    "linear": "linear",
    "shapley": "shapley",
}
#: Every journey as a path of touches a second apart, whose notes are its channels.
STATEMENT: Final = f"""
WITH conversions AS (
    SELECT DISTINCT line_id, 100 AS amount_minor, 15 AS window_days,
           %(at)s::timestamptz AS converted_at
    FROM journey
),
path AS (
    SELECT line_id, lpad(to_hex(place), 32, '0')::uuid AS event_id,
           %(at)s::timestamptz - (1000 - place) * INTERVAL '1 second' AS occurred_at,
           channel AS note_id, 0 AS author_id, '' AS surface, '' AS provenance, 0 AS considered
    FROM journey
),
given_back AS (
    SELECT 0 AS line_id, NULL::uuid AS refund_id, now() AS refunded_at, 0 AS amount_minor
    WHERE FALSE
)
SELECT answer.model, answer.note_id, sum(answer.weight::numeric * sales.many)
FROM ({rules.SHARES}) AS answer
JOIN (SELECT DISTINCT line_id, many FROM journey) AS sales USING (line_id)
GROUP BY 1, 2
"""  # noqa: S608 - constants


def journeys() -> Iterator[tuple[int, list[str]]]:
    """Yield how many sales each distinct path has, and its channels."""
    with gzip.open(real("journeys.csv.gz"), "rt", newline="") as file:
        for row in csv.DictReader(file):
            yield int(row["total_conversions"]), row["path"].split(" > ")


def test_ten_thousand_journeys_are_divided_as_published() -> None:
    with real("journeys_expected.csv").open(newline="") as file:
        published = {row["channel"]: row for row in csv.DictReader(file)}
    channels = sorted(published)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE journey (line_id int, place int, channel int, many int)"
        )
        with cursor.copy("COPY journey FROM STDIN") as pipe:
            for number, (many, path) in enumerate(journeys()):
                for place, channel in enumerate(path):
                    pipe.write_row((number, place, channels.index(channel), many))
        cursor.execute(STATEMENT, {"at": NOW})
        rows = cursor.fetchall()

    sales: dict[str, dict[str, float]] = defaultdict(dict)
    for model, channel, weight in rows:
        sales[model][channels[channel]] = float(weight) / rules.WHOLE

    for model, name in PUBLISHED.items():
        expected = {channel: float(row[name]) for channel, row in published.items()}
        # the table is rounded to six or to three decimals
        tolerance = 1e-6 if name != "shapley" else 5e-4 + 1e-6
        assert sales[model] == pytest.approx(expected, abs=tolerance, rel=0)
    assert all(sum(of.values()) == pytest.approx(19_785, abs=1e-6) for of in sales.values())
