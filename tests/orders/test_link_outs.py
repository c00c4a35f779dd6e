"""Ways to shops elsewhere, and the delayed samples that come back from there."""

import json
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from orders import factories, selectors
from orders.errors import WebhookRefused
from orders.models import LinkOut, LinkOutConversion, LinkOutReport, Order
from orders.providers.signatures import check_signature, signature_of
from orders.sampling import total_amount, total_count, total_over
from orders.services import linkouts
from redshop.accounts.models import User
from redshop.accounts.services import consents
from redshop.catalog.factories import ProductFactory
from redshop.events.models import Event
from tests.api import ApiClient
from tests.orders.world import DAY, NOW
from tests.query_counts import assert_query_count
from tests.races import at_once

pytestmark = pytest.mark.django_db

SECRET: Final = "a secret that only the shop elsewhere knows"
SHOP: Final = "https://shop.example/dress?colour=red&empty=#size"


@pytest.fixture(autouse=True)
def _secret(settings: Settings) -> None:
    settings.LINK_OUT_SECRET = SECRET


def wish(url: str = SHOP, **over: Any) -> dict[str, Any]:
    return {"product_id": ProductFactory.create(external_url=url).pk, "note_id": 7, **over}


def report(*click_ids: Any, **over: Any) -> dict[str, Any]:
    sales = [
        {
            "click_id": str(click_id),
            "quantity": 1,
            "amount_minor": 12_900,
            "currency": "CNY",
            "converted_at": "2026-03-09T10:00:00Z",
        }
        for click_id in click_ids
    ]
    return {
        "report_id": str(uuid4()),
        "sample_share": 0.25,
        "from": "2026-03-09T00:00:00Z",
        "to": "2026-03-10T00:00:00Z",
        "conversions": sales,
        **over,
    }


def signed(body: bytes, *, secret: str, at: datetime) -> str:
    """Return the header of a message signed at a moment."""
    moment = int(at.timestamp())
    return f"t={moment},v1={signature_of(body, secret=secret, moment=moment)}"


def send(body: Any, *, header: str | None = None, secret: str = SECRET, late: float = 0) -> Any:
    """Send a report as the shop elsewhere does: signed, so many seconds late."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = timezone.now() - timedelta(seconds=late)
    given = signed(raw, secret=secret, at=at) if header is None else header
    return Client().post(
        "/api/v1/webhooks/link-outs",
        raw,
        content_type="application/json",
        headers={"Redshop-Signature": given},
    )


def problem(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_visitor_is_led_to_the_products_own_shop_with_the_clicks_id(api: ApiClient) -> None:
    visitor, request_id = uuid4(), uuid4()
    asked = wish(request_id=str(request_id))

    answer = api.post("/link-outs", asked, headers={"X-Visitor-Id": str(visitor)})

    made = LinkOut.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {"click_id": str(made.pk), "url": made.url}
    assert made.url == f"https://shop.example/dress?colour=red&empty=&redshop_click={made.pk}#size"
    event = Event.objects.get(kind="link_out")
    assert (event.id, event.visitor_id, event.person_id) == (made.pk, visitor, None)
    assert (event.product_id, event.note_id, event.request_id) == (
        asked["product_id"],
        7,
        request_id,
    )


def test_a_persons_click_is_theirs_in_the_log_unless_they_opted_out(
    person: User, person_api: ApiClient
) -> None:
    person_api.post("/link-outs", wish())
    consents.set_consents(person_id=person.pk, consents={"analytics": False}, at=NOW)
    person_api.post("/link-outs", wish(request_id=str(uuid4())))

    events = Event.objects.filter(kind="link_out").order_by("id")
    assert [event.person_id for event in events] == [person.pk, None]
    assert LinkOut.objects.count() == 2


def test_a_click_parameter_of_the_address_itself_is_replaced(api: ApiClient) -> None:
    answer = api.post("/link-outs", wish("https://shop.example/?redshop_click=forged&a=1"))

    query = parse_qs(urlsplit(answer.json()["url"]).query)
    assert query == {"a": ["1"], "redshop_click": [answer.json()["click_id"]]}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,hello",
        "ftp://shop.example/dress",
        "//shop.example/dress",
        "/dress",
        "https:///dress",
        "https://shop.example@evil.example/",
        "http://[half",
    ],
)
def test_only_an_address_of_the_web_is_led_to(url: str, api: ApiClient) -> None:
    answer = api.post("/link-outs", wish(url))

    assert problem(answer) == (422, "no_external_shop")
    assert not LinkOut.objects.exists()
    assert not Event.objects.exists()


def test_a_product_that_is_not_on_show_is_not_found(api: ApiClient) -> None:
    hidden = ProductFactory.create(external_url=SHOP, is_listed=False)

    answers = [
        api.post("/link-outs", {"product_id": product_id, "note_id": 7})
        for product_id in (hidden.pk, 2**62)
    ]

    assert [problem(answer) for answer in answers] == [(404, "not_found")] * 2
    assert not LinkOut.objects.exists()


def test_a_report_is_kept_once_and_apart_from_orders(api: ApiClient) -> None:
    clicks = [api.post("/link-outs", wish()).json()["click_id"] for _ in range(2)]
    told = report(*clicks, uuid4())

    answers = [send(told), send(told), send({**told, "conversions": []})]

    assert [answer.status_code for answer in answers] == [200] * 3
    kept = LinkOutReport.objects.get()
    assert (str(kept.pk), kept.sample_share) == (told["report_id"], 0.25)
    known = kept.conversions.filter(click__isnull=False)
    assert {str(sale.reported_click_id) for sale in known} == set(clicks)
    assert kept.conversions.filter(click=None).count() == 1
    assert not Order.objects.exists()
    assert not Event.objects.exclude(kind="link_out").exists()


@pytest.mark.parametrize(
    "forge",
    [
        lambda told: send(told, secret="another"),
        lambda told: send(told, header=""),
        lambda told: send(told, header="t=1,v1=" + "0" * 64),
        lambda told: send(told, header="v1=" + "0" * 64),
        lambda told: send(told, late=301),
        lambda told: send(told, late=-302),
        lambda told: send(told, header=signed(b"{}", secret=SECRET, at=timezone.now())),
    ],
    ids=["other secret", "none", "stale zeros", "no moment", "late", "early", "altered"],
)
def test_what_is_not_signed_now_is_not_believed(forge: Callable[[Any], Any]) -> None:
    answer = forge(report(uuid4()))

    assert problem(answer) == (400, "webhook_refused")
    assert not LinkOutReport.objects.exists()


def test_without_a_secret_nobody_is_believed(settings: Settings) -> None:
    settings.LINK_OUT_SECRET = ""

    answer = send(report(), secret="")

    assert problem(answer) == (400, "webhook_refused")
    assert not LinkOutReport.objects.exists()


def test_a_signature_holds_for_five_minutes_either_way() -> None:
    header = signed(b"body", secret=SECRET, at=NOW)
    edge = timedelta(minutes=5)

    for at in (NOW - edge, NOW, NOW + edge):
        check_signature(header, b"body", secret=SECRET, at=at)
    for at in (NOW - edge - timedelta(seconds=1), NOW + edge + timedelta(seconds=1)):
        with pytest.raises(WebhookRefused):
            check_signature(header, b"body", secret=SECRET, at=at)


@pytest.mark.parametrize(
    ("over", "pointer"),
    [
        ({"sample_share": 0}, "/sample_share"),
        ({"sample_share": 1.01}, "/sample_share"),
        ({"to": "2026-03-09T00:00:00Z"}, "/to"),
        ({"report_id": "7"}, "/report_id"),
        ({"surprise": 1}, "/surprise"),
        ({"conversions": [{}]}, "/conversions/0/click_id"),
    ],
    ids=str,
)
def test_a_signed_report_that_makes_no_sense_is_refused(over: dict[str, Any], pointer: str) -> None:
    answer = send(report(**over))

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not LinkOutReport.objects.exists()


def test_a_signed_body_that_is_not_json_is_refused() -> None:
    assert problem(send(b"{")) == (400, "malformed")


@pytest.mark.django_db(transaction=True)
def test_a_report_sent_eight_times_at_once_is_kept_once() -> None:
    told = report(uuid4(), uuid4())

    ends = at_once([lambda: send(told).status_code] * 8)

    assert ends == {"200": 8}
    assert LinkOutReport.objects.count() == 1
    assert LinkOutConversion.objects.count() == 2


def test_a_whole_sample_is_exact_and_none_seen_still_has_an_upper_limit() -> None:
    whole, none = total_count(sampled=40, share=1), total_count(sampled=0, share=0.1)

    assert (whole.value, whole.low, whole.high) == (40, 40, 40)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1.959963984540054**2 * 0.9 / 0.1)


def test_the_interval_is_where_the_score_test_just_holds() -> None:
    sampled, share = 30, 0.2

    estimate = total_count(sampled=sampled, share=share)

    assert estimate.value == pytest.approx(150)
    for limit in (estimate.low, estimate.high):
        score = (sampled - limit * share) / math.sqrt(limit * share * (1 - share))
        assert abs(score) == pytest.approx(1.959963984540054)


@pytest.mark.parametrize(("number", "share"), [(40, 0.1), (400, 0.05), (1_000, 0.5)])
def test_the_interval_covers_the_truth_about_19_times_of_20(number: int, share: float) -> None:
    draws = np.random.default_rng(7).binomial(number, share, size=2_000).tolist()

    estimates = [total_count(sampled=sampled, share=share) for sampled in draws]

    covered = fmean(each.low <= number <= each.high for each in estimates)
    assert 0.93 <= covered <= 0.98
    assert fmean(each.value for each in estimates) == pytest.approx(number, rel=0.05)


def test_samples_of_several_shares_are_added_up() -> None:
    alone = total_count(sampled=30, share=0.2)
    exact = total_count(sampled=10, share=1)

    together = total_over({0.2: 30, 1.0: 10})

    assert together.value == alone.value + exact.value
    assert together.low == pytest.approx(alone.low + 10)
    assert together.high == pytest.approx(alone.high + 10)
    nothing = total_over({})
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)


def test_an_amount_is_estimated_with_its_variance() -> None:
    estimate = total_amount({0.5: [100, 300]})

    spread = 1.959963984540054 * math.sqrt((100**2 + 300**2) * 0.5 / 0.25)
    assert estimate.value == pytest.approx(800)
    assert estimate.low == 400
    assert estimate.high == pytest.approx(800 + spread)


def test_totals_count_what_is_known_and_estimate_the_rest() -> None:
    click = factories.LinkOutFactory.create(clicked_at=NOW)
    other = factories.LinkOutFactory.create(clicked_at=NOW)
    factories.LinkOutFactory.create(clicked_at=NOW + 2 * DAY)
    kept = factories.LinkOutReportFactory.create(received_at=NOW, sample_share=0.25)
    late = factories.LinkOutReportFactory.create(received_at=NOW + 2 * DAY)
    for of, where in ((click, kept), (other, kept), (None, kept), (click, late)):
        factories.LinkOutConversionFactory.create(click=of, report=where, amount_minor=1_000)

    totals = selectors.link_out_totals(since=NOW, until=NOW + DAY)
    of_one = selectors.link_out_totals(since=NOW, until=NOW + DAY, product_id=click.product_id)

    counted = (totals.clicks, totals.reports, totals.sampled, totals.unmatched)
    assert counted == (2, 1, 2, 1)
    assert totals.sales == total_count(sampled=2, share=0.25)
    assert totals.gross["CNY"].value == pytest.approx(8_000)
    assert (of_one.clicks, of_one.sampled, of_one.sales.value) == (1, 1, 4)


def test_what_was_clicked_and_reported_is_never_rewritten() -> None:
    factories.LinkOutConversionFactory.create()

    for model in (LinkOut, LinkOutReport, LinkOutConversion):
        rows: Any = model._default_manager.all()
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            rows.update(id=rows.get().pk)
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            rows._raw_delete(rows.db)


@pytest.mark.parametrize(
    "row",
    [
        {"sample_share": 0.0},
        {"sample_share": 1.1},
        {"since_at": NOW, "until_at": NOW},
    ],
    ids=str,
)
def test_a_report_that_says_nothing_is_refused_by_the_database(row: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.LinkOutReportFactory.create(**row)
    with pytest.raises(IntegrityError), transaction.atomic():
        linkouts.take_report.__wrapped__(  # type: ignore[attr-defined]
            report_id=UUID(int=1),
            **{"sample_share": 0.5, "since_at": NOW, "until_at": NOW + DAY, **row},
            conversions=[],
            at=NOW,
        )


@pytest.mark.parametrize("model", ["linkout", "linkoutreport"])
def test_each_list_takes_the_same_queries_at_any_size(model: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "pw"))

    def prepare(times: int) -> Callable[[], object]:
        for _ in range(times):
            factories.LinkOutConversionFactory.create()
            factories.LinkOutConversionFactory.create(click=None)
        return lambda: client.get(f"/admin/orders/{model}/")

    assert_query_count(f"admin orders/{model}", lambda: prepare(1), lambda: prepare(3))


def test_a_report_is_told_with_its_interval_in_the_admin() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "pw"))
    kept = factories.LinkOutReportFactory.create(sample_share=0.1)
    for _ in range(2):
        factories.LinkOutConversionFactory.create(report=kept)
    factories.LinkOutConversionFactory.create(report=kept, click=None)

    listed = client.get("/admin/orders/linkoutreport/").content.decode()
    page = client.get(f"/admin/orders/linkoutreport/{kept.pk}/change/").content.decode()

    assert "20 (6 to 69)" in listed
    assert "20 (6 to 69)" in page
    assert "unmatched" in page
    assert client.get("/admin/orders/linkoutreport/add/").status_code == 403
