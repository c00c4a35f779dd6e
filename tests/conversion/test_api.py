"""Statistics over HTTP: shapes, roles, refusals, tables."""

import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from notes.models import Note
from redshop.accounts.models import User
from redshop.catalog.models import BrandMember
from redshop.conversion import rules
from redshop.conversion.types import AttributionModel
from tests.api import ApiClient
from tests.conftest import token_of
from tests.conversion import world
from tests.conversion.world import DAY, HOUR
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db


@pytest.fixture
def author() -> User:
    return world.person(handle="ada")


@pytest.fixture
def note(author: User) -> Note:
    """A note that led to a sale an hour ago, half of which was given back."""
    product, buyer, now = world.product(), world.person(), timezone.now()
    note = world.note(product, author=author, topics=["tea"])
    for n, kind in enumerate(["impression", "note_open", "like"]):
        world.event(kind, now - 3 * HOUR + n * timedelta(minutes=1), buyer, note, surface="search")
    world.event("impression", now - 3 * HOUR, world.person(), note)
    order = world.order(buyer, (product, 500), quantity=2, at=now - HOUR, led_by=note)
    world.refund(order, units=1, at=now - HOUR / 2)
    world.attribute(order, at=now)
    return note


@pytest.fixture
def analyst() -> ApiClient:
    return device(world.person(is_analyst=True))


def device(user: User) -> ApiClient:
    return ApiClient(token=token_of(user))


def get(client: ApiClient, path: str) -> Any:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return response.json()


def money(amount: int) -> dict[str, Any]:
    return {"amount_minor": amount, "currency": "CNY"}


def test_attribution_has_the_promised_shape(analyst: ApiClient, note: Note) -> None:
    body = get(analyst, "/stats/attribution?model=last_touch&group_by=note")

    today = timezone.now().astimezone(world.SHANGHAI).date()
    meta = body.pop("meta")
    assert body == {
        "next": None,
        "previous": None,
        "results": [
            {
                "key": note.pk,
                "label": note.title,
                "conversions": 1.0,
                "gross": money(1000),
                "refunded": money(500),
                "net": money(500),
            }
        ],
        "unattributed": {
            "conversions": 0.0,
            "gross": money(0),
            "refunded": money(0),
            "net": money(0),
        },
        "total": {
            "conversions": 1.0,
            "gross": money(1000),
            "refunded": money(500),
            "net": money(500),
        },
    }
    assert meta.pop("fresh_at").endswith("Z")
    assert meta == {
        "definition": "attribution.last_touch",
        "version": rules.VERSION,
        "from": str(today - timedelta(days=27)),
        "to": str(today + timedelta(days=1)),
        "tz": "Asia/Shanghai",
        "window_days": None,
        "population": "real",
        "n": 1,
        "kind": "measured",
        "notes": [
            "Refunds count on the day of the order.",
            "The window is the lookback of each product's category.",
        ],
    }


def test_the_funnel_has_the_promised_shape(analyst: ApiClient, note: Note) -> None:
    body = get(analyst, "/stats/funnel?group_by=surface&window_days=7")

    search = next(row for row in body["results"] if row["key"] == "search")
    assert [(step["step"], step["people"]) for step in search["steps"]] == [
        ("impression", 1),
        ("note_open", 1),
        ("product_view", 0),
        ("cart_add", 0),
        ("checkout", 0),
        ("order_paid", 1),
    ]
    assert search["steps"][-1]["from_first"] == {
        "value": 1.0,
        "numerator": 1,
        "denominator": 1,
        "low": pytest.approx(0.2065, abs=1e-4),
        "high": 1.0,
    }
    assert search["label"] == "Search"
    net = search["net_paid"]
    assert (net["people"], net["amount_minor"], net["currency"]) == (1, 500, "CNY")
    assert (body["meta"]["definition"], body["meta"]["n"], body["meta"]["window_days"]) == (
        "funnel.people",
        2,
        7,
    )


def test_events_can_be_counted_instead_of_people(analyst: ApiClient, note: Note) -> None:
    [row] = get(analyst, "/stats/funnel?unit=events&steps=impression,order_paid")["results"]

    assert [(step["step"], step["people"]) for step in row["steps"]] == [
        ("impression", 2),
        ("order_paid", 1),
    ]
    assert row["key"] == "all"


def test_a_note_alone(analyst: ApiClient, note: Note) -> None:
    body = get(analyst, f"/stats/notes/{note.pk}")

    rate = body["reach"].pop("open_rate")
    assert body["reach"] == {"impressions": 2, "people": 2, "opens": 1, "openers": 1}
    assert (rate["numerator"], rate["denominator"]) == (1, 2)
    assert body["engagement"] == {
        "reads": 0, "likes": 1, "saves": 0, "comments": 0, "shares": 0, "people": 1,
    }  # fmt: skip
    assert [row["model"] for row in body["credits"]] == list(AttributionModel)
    assert {(row["gross"]["amount_minor"], row["net"]["amount_minor"]) for row in body["credits"]} \
        == {(1000, 500)}  # fmt: skip


class TestPopulations:
    @pytest.fixture(autouse=True)
    def _simulated(self, note: Note) -> None:
        buyer = world.person(population="simulated")
        order = world.order(buyer, (world.product(), 70), at=timezone.now())
        world.attribute(order)

    def test_real_people_come_first_where_there_are_any(self, analyst: ApiClient) -> None:
        body = get(analyst, "/stats/attribution")

        assert (body["meta"]["population"], body["meta"]["kind"]) == ("real", "measured")
        assert body["total"]["gross"] == money(1000)

    def test_simulated_rows_are_called_simulated(self, analyst: ApiClient) -> None:
        for population, gross in (("simulated", 70), ("all", 1070)):
            body = get(analyst, f"/stats/attribution?population={population}")

            assert body["meta"]["kind"] == "simulated"
            assert body["total"]["gross"] == money(gross)


def test_without_real_people_the_simulated_ones_are_shown(analyst: ApiClient) -> None:
    world.event("impression", timezone.now(), world.person(population="simulated"))

    assert get(analyst, "/stats/funnel")["meta"]["population"] == "simulated"


class TestRoles:
    def test_a_visitor_must_log_in(self, api: ApiClient, note: Note) -> None:
        for path in ("/stats/funnel", "/stats/attribution", f"/stats/notes/{note.pk}"):
            response = api.get(path)

            assert response.status_code == 401
            assert response.json()["code"] == "authentication_required"

    @pytest.mark.parametrize("flag", ["is_staff", "is_moderator", "is_active"])
    def test_a_person_without_notes_or_brand_reads_nothing(self, flag: str, note: Note) -> None:
        client = device(world.person(**{flag: True}))

        for path in ("/stats/funnel", "/stats/attribution"):
            response = client.get(path)

            assert response.status_code == 403
            assert response["Content-Type"] == "application/problem+json"
            assert response.json()["code"] == "forbidden"
        assert client.get(f"/stats/notes/{note.pk}").status_code == 404
        assert client.get("/stats/notes/999999999").status_code == 404

    def test_an_administrator_reads_everything(self, note: Note) -> None:
        client = device(world.person(is_superuser=True))

        assert get(client, "/stats/attribution")["total"]["gross"] == money(1000)

    def test_an_author_reads_their_own_notes_only(self, note: Note, author: User) -> None:
        world.attribute(world.order(world.person(), (world.product(), 9), at=timezone.now()))
        client, other = device(author), device(world.note().author)

        assert get(client, "/stats/attribution")["total"]["gross"] == money(1000)
        assert get(other, "/stats/attribution")["total"]["gross"] == money(0)
        assert get(other, "/stats/attribution")["meta"]["n"] == 0
        assert get(other, "/stats/funnel")["results"][0]["steps"][0]["people"] == 0
        assert get(client, f"/stats/notes/{note.pk}")["reach"]["people"] == 2
        assert other.get(f"/stats/notes/{note.pk}").status_code == 404
        assert other.get(f"/stats/attribution?author={author.pk}").status_code == 403

    def test_a_member_reads_their_brands_products_only(self, note: Note) -> None:
        own, foreign = world.brand("Own"), world.brand()
        product = world.product(made_by=own)
        world.attribute(world.order(world.person(), (product, 9), at=timezone.now()))
        member = world.person()
        BrandMember.objects.create(brand=own, user=member)
        client = device(member)

        assert get(client, "/stats/attribution")["total"]["gross"] == money(9)
        assert get(client, f"/stats/attribution?brand={own.pk}")["unattributed"]["gross"] == (
            money(9)
        )
        assert client.get(f"/stats/attribution?brand={foreign.pk}").status_code == 403
        assert client.get(f"/stats/funnel?brand={foreign.pk}").status_code == 403
        assert client.get(f"/stats/notes/{note.pk}").status_code == 404

    def test_an_analyst_may_ask_for_one_brand_or_author(
        self, analyst: ApiClient, note: Note, author: User
    ) -> None:
        brand = world.brand("Other")

        assert get(analyst, f"/stats/attribution?brand={brand.pk}")["total"]["gross"] == money(0)
        assert get(analyst, f"/stats/attribution?author={author.pk}")["total"]["gross"] == (
            money(1000)
        )


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("from=2026-03-02&to=2026-03-02", "/to", "empty_range"),
        ("from=2024-01-01&to=2026-01-01", "/from", "range_too_wide"),
        ("from=yesterday", "/from", "invalid"),
        ("to=0001-01-01", "/to", "out_of_range"),
        ("to=9999-12-31", "/to", "out_of_range"),
        ("from=9999-12-31", "/from", "out_of_range"),
        ("tz=Mars/Olympus", "/tz", "does_not_exist"),
        ("tz=../../etc/passwd", "/tz", "does_not_exist"),
        ("group_by=colour", "/group_by", "invalid_choice"),
        ("population=martian", "/population", "invalid_choice"),
        ("currency=yuan", "/currency", "invalid"),
        ("window_days=0", "/window_days", "min_value"),
        ("window_days=366", "/window_days", "max_value"),
        ("page_size=101", "/page_size", "max_value"),
        ("cursor=xyz", "/cursor", "invalid"),
        ("cursor=bz0tMQ", "/cursor", "invalid"),
        ("brand=9223372036854775808", "/brand", "max_value"),
        ("no_such=1", "/no_such", "unknown_field"),
    ],
)
@pytest.mark.parametrize("path", ["/stats/funnel", "/stats/attribution"])
def test_a_bad_parameter_is_named(
    path: str, query: str, pointer: str, code: str, analyst: ApiClient
) -> None:
    response = analyst.get(f"{path}?{query}")

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert [(e["pointer"], e["code"]) for e in response.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("steps=impression,dance", "/steps", "unknown"),
        ("steps=impression,impression", "/steps", "repeated"),
        ("steps=", "/steps", "blank"),
        ("optional=impression", "/optional", "not_a_later_step"),
        ("steps=note_open,order_paid&optional=cart_add", "/optional", "not_a_later_step"),
        ("unit=cats", "/unit", "invalid_choice"),
        ("model=linear", "/model", "unknown_field"),
    ],
)
def test_a_bad_step_is_named(query: str, pointer: str, code: str, analyst: ApiClient) -> None:
    response = analyst.get(f"/stats/funnel?{query}")

    assert response.status_code == 400
    assert [(e["pointer"], e["code"]) for e in response.json()["errors"]] == [(pointer, code)]


def test_days_given_are_the_days_answered(analyst: ApiClient) -> None:
    today = timezone.now().astimezone(world.SHANGHAI).date()

    def days(query: str) -> list[date]:
        meta = get(analyst, f"/stats/funnel?{query}")["meta"]
        return [date.fromisoformat(meta["from"]), date.fromisoformat(meta["to"])]

    assert days("from=2026-01-01&to=2026-01-08") == [date(2026, 1, 1), date(2026, 1, 8)]
    assert days("to=2026-01-29") == [date(2026, 1, 1), date(2026, 1, 29)]
    assert days(f"from={today - 3 * DAY}") == [today - 3 * DAY, today + DAY]


def test_pages_follow_one_another(analyst: ApiClient) -> None:
    product, now = world.product(), timezone.now()
    for price in (1, 2, 3, 4, 5):
        buyer = world.person()
        world.event("note_open", now, buyer, world.note(product))
        world.attribute(world.order(buyer, (product, price), at=now))

    first = get(analyst, "/stats/attribution?page_size=2")
    pages = [first]
    while pages[-1]["next"]:
        path = pages[-1]["next"].split("/api/v1")[1]
        pages.append(get(analyst, path))

    amounts = [[row["net"]["amount_minor"] for row in page["results"]] for page in pages]
    assert amounts == [[5, 4], [3, 2], [1]]
    assert {page["total"]["net"]["amount_minor"] for page in pages} == {15}
    assert get(analyst, pages[1]["previous"].split("/api/v1")[1])["results"] == first["results"]


class TestTables:
    def table(self, client: ApiClient, path: str) -> list[dict[str, str]]:
        response = client.get(path, headers={"Accept": "text/csv"})
        assert response.status_code == 200
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        return list(csv.DictReader(io.StringIO(response.content.decode())))

    def test_attribution_says_in_every_row_what_it_is(self, analyst: ApiClient, note: Note) -> None:
        rows = self.table(analyst, "/stats/attribution")

        assert [(row["row"], row["gross_amount_minor"]) for row in rows] == [
            ("result", "1000"),
            ("unattributed", "0"),
            ("total", "1000"),
        ]
        assert {(row["definition"], row["population"], row["kind"]) for row in rows} == {
            ("attribution.last_touch", "real", "measured")
        }

    def test_the_funnel_has_a_column_for_each_step(self, analyst: ApiClient, note: Note) -> None:
        [row] = self.table(analyst, "/stats/funnel")

        assert (row["impression_people"], row["order_paid_people"]) == ("2", "1")
        assert row["order_paid_from_first_value"] == "0.5"
        assert row["net_paid_amount_minor"] == "500"

    def test_without_any_row_there_is_still_a_header(self, analyst: ApiClient) -> None:
        response = analyst.get("/stats/funnel?group_by=day", headers={"Accept": "text/csv"})

        assert response.content.decode().startswith("row,definition,version,from,to")

    def test_a_title_is_never_run_as_a_formula(self, analyst: ApiClient, note: Note) -> None:
        Note.objects.filter(pk=note.pk).update(title="=HYPERLINK(1)")

        assert self.table(analyst, "/stats/attribution")[0]["label"] == "'=HYPERLINK(1)"

    def test_a_refusal_is_a_problem_document_all_the_same(self, analyst: ApiClient) -> None:
        response = analyst.get("/stats/funnel?unit=cats", headers={"Accept": "text/csv"})

        assert response.status_code == 400
        assert response["Content-Type"] == "application/problem+json"
        assert json.loads(response.content)["errors"][0]["pointer"] == "/unit"

    def test_what_is_no_table_is_not_served(self, analyst: ApiClient) -> None:
        response = analyst.get("/stats/funnel", headers={"Accept": "application/xml"})

        assert response.status_code == 406
        assert response["Content-Type"] == "application/problem+json"
        assert json.loads(response.content)["code"] == "not_acceptable"


@pytest.mark.parametrize(
    "path",
    [
        "/stats/attribution?group_by=note",
        "/stats/attribution?group_by=topic&model=linear&basis=refund",
        "/stats/funnel?group_by=author",
        "/stats/funnel?group_by=topic&unit=events",
    ],
)
def test_statistics_take_the_same_queries_at_any_size(path: str, analyst: ApiClient) -> None:
    def sized(people: int) -> Any:
        product, now = world.product(), timezone.now()
        for n in range(people):
            buyer, note = world.person(), world.note(product, topics=[f"topic{n}"])
            world.event("impression", now, buyer, note)
            world.event("note_open", now, buyer, note)
            world.attribute(world.order(buyer, (product, 100), at=now, led_by=note))
        return lambda: get(analyst, path)

    assert_query_count(f"GET {path}", lambda: sized(2), lambda: sized(8))
