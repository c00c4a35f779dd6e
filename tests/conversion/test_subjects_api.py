"""Subjects, time, cohorts and stages over HTTP: shapes, roles, tables."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.utils import timezone

from notes.models import Note
from redshop.accounts.models import User
from redshop.catalog.models import Brand, BrandMember
from redshop.conversion.services import snapshots
from tests.conversion import world
from tests.conversion.test_api import analyst, author, device, get, money, note
from tests.conversion.world import DAY, HOUR
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db
__all__ = ["analyst", "author", "note"]
PATHS = [
    "/stats/creators",
    "/stats/products",
    "/stats/snapshots",
    "/stats/time-to-convert?group_by=category",
    "/stats/cohorts",
]


def brand_of(note: Note) -> Brand:
    return note.product_tags.get().product.brand


def sell_another() -> None:
    """Let a note of somebody else's lead to a sale of another product."""
    product, buyer = world.product(shelf=world.category("tea")), world.person()
    other = world.note(product)
    world.event("note_open", timezone.now() - 2 * HOUR, buyer, other)
    world.attribute(world.order(buyer, (product, 70), at=timezone.now() - HOUR))


def test_creators_have_the_promised_shape(analyst: Any, note: Note) -> None:
    [row] = get(analyst, "/stats/creators")["results"]

    assert (row["key"], row["label"]) == (note.author_id, "ada")
    assert row["reach"]["impressions"] == 2
    assert row["credited"] == {
        "conversions": 1.0, "gross": money(1000), "refunded": money(500), "net": money(500),
    }  # fmt: skip
    assert (row["sold"], row["commission"]) == (None, money(0))


def test_a_brand_alone(analyst: Any, note: Note) -> None:
    brand = brand_of(note)
    other = world.brand("Nobody's")

    body = get(analyst, f"/stats/brands/{brand.pk}")
    nothing = get(analyst, f"/stats/brands/{other.pk}")

    assert (body["key"], body["label"]) == (brand.pk, brand.name)
    assert body["sold"]["net"] == money(500)
    assert body["meta"]["definition"] == "brands"
    assert (nothing["key"], nothing["sold"]["gross"]) == (other.pk, money(0))
    assert analyst.get("/stats/brands/999999").status_code == 404


def test_stages_over_http(analyst: Any, note: Note) -> None:
    brand = brand_of(note)

    body = get(analyst, f"/stats/aips?brand={brand.pk}")

    assert [(row["key"], row["people"]) for row in body["results"]] == [
        ("awareness", 1), ("interest", 0), ("true_interest", 0), ("purchase", 1), ("share", 0),
    ]  # fmt: skip
    assert body["meta"]["window_days"] == 90
    assert analyst.get("/stats/aips").status_code == 400


def test_time_and_cohorts_over_http(analyst: Any, note: Note) -> None:
    [timing] = get(analyst, "/stats/time-to-convert")["results"]
    cohorts = get(analyst, "/stats/cohorts?by=first_paid&span=day")["results"]

    assert (timing["key"], timing["conversions"]) == ("all", 1)
    assert 1.9 < timing["median"]["value"] < 2
    assert [within["share"]["numerator"] for within in timing["within"]] == [1] * 7
    assert [row["size"] for row in cohorts] == [1]
    assert cohorts[0]["spans"][0]["net"] == money(500)


def test_authors_see_their_own_and_strangers_nothing(author: User, note: Note) -> None:
    own, stranger = device(author), device(world.person())

    for path in PATHS[:4]:
        assert own.get(path).status_code == 200
        assert stranger.get(path).status_code == 403
    for path in ("/stats/cohorts", "/stats/brands/1", "/stats/aips?brand=1"):
        assert own.get(path).status_code == 403


def test_members_see_their_brand(note: Note) -> None:
    brand = brand_of(note)
    member = world.person()
    BrandMember.objects.create(brand=brand, user=member)
    client, other = device(member), world.brand("Other")

    assert get(client, f"/stats/brands/{brand.pk}")["sold"]["net"] == money(500)
    assert get(client, f"/stats/aips?brand={brand.pk}")["results"]
    assert client.get(f"/stats/brands/{other.pk}").status_code == 403
    assert client.get(f"/stats/aips?brand={other.pk}").status_code == 403


@pytest.mark.parametrize("path", [*PATHS, "/stats/funnel?group_by=day", "/stats/attribution"])
def test_every_statistic_is_also_a_table(
    analyst: Any, note: Note, path: str, tmp_path: Path
) -> None:
    sign = "&" if "?" in path else "?"
    table = analyst.get(f"{path}{sign}format=csv")
    columns = analyst.get(path, headers={"Accept": "application/vnd.apache.parquet"})
    file = tmp_path / "answer.parquet"
    file.write_bytes(columns.content)

    header, *lines = table.content.decode().splitlines()
    with duckdb.connect() as database:
        relation = database.read_parquet(str(file))
        assert relation.columns == header.split(",")
        assert len(relation.fetchall()) == len(lines)
        if lines:
            kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
            assert kinds["version"] == "BIGINT"
            assert kinds["definition"] == "VARCHAR"


def test_a_refusal_is_a_problem_whatever_was_asked_for(analyst: Any) -> None:
    answer = analyst.get("/stats/creators?format=parquet&model=magic")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/model"


@pytest.mark.parametrize("path", PATHS)
def test_a_statistic_takes_the_same_few_queries(analyst: Any, note: Note, path: str) -> None:
    def ask() -> Any:
        return lambda: get(analyst, path)

    def ask_for_more() -> Any:
        sell_another()
        return ask()

    assert_query_count(f"GET {path}", ask, ask_for_more)


@pytest.mark.django_db(transaction=True)
def test_snapshots_over_http(note: Note) -> None:
    type(note).objects.filter(pk=note.pk).update(published_at=timezone.now() - 2 * DAY)
    snapshots.take(at=timezone.now())

    body = get(device(world.person(is_analyst=True)), "/stats/snapshots?group_by=note")

    [row] = body["results"]
    assert (row["key"], [each["days"] for each in row["snapshots"]]) == (note.pk, [1])
    assert row["snapshots"][0]["is_final"] is False
