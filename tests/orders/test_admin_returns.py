"""Returns and single parcels in the admin: only what is legal, unit by unit."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from orders import checks, factories
from orders.models import Order, Refund, Return, ReturnStep, Shipment
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from tests.orders.world import levels, standing
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> User:
    person: User = User.objects.create_superuser("root", "root@example.com", "pw")
    return person


@pytest.fixture
def admin(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def press(client: Client, row: Order | Return, move: str, **answers: Any) -> Any:
    """Press a button on a page and answer its question."""
    model = row._meta.model_name
    address = f"/admin/orders/{model}/{row.pk}/{move}/"
    return client.post(address, {"_form_submitted": "1", **answers}, follow=True)


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def page_of(client: Client, row: Order | Return) -> str:
    return client.get(f"/admin/orders/{row._meta.model_name}/{row.pk}/change/").content.decode()


def offered(client: Client, row: Order | Return, *moves: str) -> set[str]:
    page = page_of(client, row)
    return {move for move in moves if f"/{row.pk}/{move}/" in page}


def state_of(asked: Return) -> str:
    asked.refresh_from_db()
    return asked.state


def test_a_return_goes_from_the_wish_to_the_money(admin: Client, root: User, person: User) -> None:
    sku = SkuFactory.create(price_minor=1_000, on_hand=10)
    asked = factories.asked_back(factories.delivered(person, sku, quantity=3))
    line_id = asked.lines.get().line_id

    approved = press(admin, asked, "approve", decision="Send it to Hangzhou.")
    units = {f"restocked_{line_id}": "1", f"written_off_{line_id}": "1"}
    received = press(admin, asked, "receive", **units)

    assert said(approved) == ["The return is approved; the buyer is told to send it."]
    assert said(received) == ["20.00 CNY given back."]
    assert state_of(asked) == "refunded"
    assert sorted(Refund.objects.values_list("is_restocked", "amount_minor")) == [
        (False, 1_000),
        (True, 1_000),
    ]
    assert levels(sku) == (8, 0)
    decided = ReturnStep.objects.exclude(from_state="").values_list("actor", flat=True)
    assert set(decided) == {root.pk}
    page = page_of(admin, asked)
    for words in ("too small", "Send it to Hangzhou.", "approved to received", "20.00 CNY"):
        assert words in page


def test_a_return_is_refused_only_with_a_reason(admin: Client, person: User) -> None:
    asked = factories.asked_back(factories.delivered(person))

    silent = press(admin, asked, "refuse")
    before = state_of(asked)
    refused = press(admin, asked, "refuse", decision="It was worn.")

    assert "This field is required" in silent.content.decode()
    assert before == "requested"
    assert said(refused) == ["The return is refused; the buyer is told why."]
    assert (state_of(asked), asked.decision) == ("refused", "It was worn.")


def test_a_return_offers_the_legal_decisions_only(admin: Client, person: User) -> None:
    moves = ("approve", "receive", "refuse")
    asked = factories.asked_back(factories.delivered(person))

    first = offered(admin, asked, *moves)
    factories.approved(asked)
    second = offered(admin, asked, *moves)
    factories.sent_back(asked)
    third = offered(admin, asked, *moves)

    assert (first, second, third) == ({"approve", "refuse"}, {"receive", "refuse"}, set())


@pytest.mark.parametrize(
    ("restocked", "written_off", "complaint"),
    [
        ("2", "2", "More than the 3 that were announced."),
        ("4", "0", "less than or equal to 3"),
        ("0", "0", "At least one unit must have arrived."),
        ("-1", "1", "greater than or equal to 0"),
    ],
)
def test_the_form_says_what_cannot_have_arrived(
    restocked: str, written_off: str, complaint: str, admin: Client, person: User
) -> None:
    order = factories.delivered(person, quantity=3)
    asked = factories.approved(factories.asked_back(order))
    line_id = asked.lines.get().line_id

    units = {f"restocked_{line_id}": restocked, f"written_off_{line_id}": written_off}
    answer = press(admin, asked, "receive", **units)

    assert complaint in answer.content.decode()
    assert state_of(asked) == "approved"
    assert standing(order) == ("delivered", "paid", 0)


def test_a_decision_that_came_too_late_is_said(admin: Client, person: User) -> None:
    asked = factories.sent_back(
        factories.approved(factories.asked_back(factories.delivered(person)))
    )

    answer = press(admin, asked, "refuse", decision="no")

    assert said(answer) == ["The return's present state does not allow this."]
    assert state_of(asked) == "refunded"


def test_who_may_only_look_decides_nothing(person: User) -> None:
    asked = factories.asked_back(factories.delivered(person))
    looker = UserFactory.create(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_return"))
    client = Client()
    client.force_login(looker)

    answer = press(client, asked, "approve")

    assert answer.status_code == 403
    assert offered(client, asked, "approve", "refuse") == set()
    assert state_of(asked) == "requested"


@pytest.mark.parametrize(
    ("waits", "shown"),
    [("decision", {0}), ("parcel", {1}), ("open", {0, 1}), ("nothing", {2})],
)
def test_the_list_tells_what_waits_for_a_person(
    waits: str, shown: set[int], admin: Client, person: User
) -> None:
    rows = [factories.asked_back(factories.delivered(person)) for _ in range(3)]
    factories.approved(rows[1])
    factories.sent_back(factories.approved(rows[2]))

    page = admin.get("/admin/orders/return/", {"waits": waits}).content.decode()

    assert {n for n, row in enumerate(rows) if str(row.pk) in page} == shown


def test_the_page_of_a_return_takes_the_same_queries_at_any_size(
    admin: Client, person: User
) -> None:
    def prepare(lines: int) -> Any:
        order = factories.delivered(person, *SkuFactory.create_batch(lines))
        asked = factories.sent_back(factories.approved(factories.asked_back(order)))
        page_of(admin, asked)  # this process now knows the content types
        return lambda: page_of(admin, asked)

    assert_query_count("admin orders/return page", lambda: prepare(1), lambda: prepare(3))


def test_chosen_units_of_one_merchant_go_out_and_single_parcels_arrive(
    admin: Client, person: User
) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.paid(person, sku, quantity=3)
    units = f"units_{order.lines.get().pk}"

    first = press(
        admin, order, "ship-units", **{units: "2"}, carrier="sf", tracking="sf 123456789012"
    )
    second = press(admin, order, "ship-units", **{units: "1"})
    parcel, other = Shipment.objects.order_by("pk")
    arrived = press(admin, order, "deliver-parcels", parcels=[str(other.pk)])

    assert [said(answer) for answer in (first, second, arrived)] == [
        ["2 units shipped."],
        ["1 unit shipped."],
        ["1 parcel delivered."],
    ]
    assert (parcel.carrier, parcel.tracking) == ("sf", "SF123456789012")
    assert list(parcel.lines.values_list("quantity", flat=True)) == [2]
    parcel.refresh_from_db()
    other.refresh_from_db()
    assert (parcel.delivered_at is None, other.delivered_at is None) == (True, False)
    assert standing(order) == ("shipped", "paid", 0)
    assert levels(sku) == (7, 0)
    assert "SF Express SF123456789012: 2 of" in page_of(admin, order)


def test_the_parcel_form_says_what_cannot_go_out(admin: Client, person: User) -> None:
    order = factories.paid(person, *SkuFactory.create_batch(2))
    one, two = (f"units_{line.pk}" for line in order.lines.order_by("pk"))

    answers = {
        "A parcel is of one merchant.": press(admin, order, "ship-units", **{one: "1", two: "1"}),
        "Choose at least one unit.": press(admin, order, "ship-units", **{one: "0", two: "0"}),
        "less than or equal to 1": press(admin, order, "ship-units", **{one: "2", two: "0"}),
        "The carrier gives no such tracking numbers.": press(
            admin, order, "ship-units", **{one: "1", two: "0"}, carrier="ups", tracking="SF1"
        ),
    }

    complaints = {words for words, answer in answers.items() if words in answer.content.decode()}
    assert complaints == set(answers)
    assert standing(order) == ("paid", "paid", 0)
    assert not Shipment.objects.exists()


def test_an_order_offers_its_parcels_moves_when_they_are_legal(admin: Client, person: User) -> None:
    moves = ("ship-units", "deliver-parcels")

    assert offered(admin, factories.placed(person), *moves) == set()
    assert offered(admin, factories.paid(person), *moves) == {"ship-units"}
    assert offered(admin, factories.shipped(person), *moves) == {"deliver-parcels"}
    assert offered(admin, factories.delivered(person), *moves) == set()


def test_days_that_contradict_one_another_are_refused_at_the_start(settings: Any) -> None:
    assert checks.check_days(None) == []

    settings.RETURN_DAYS = settings.COMPLETE_DAYS

    (error,) = checks.check_days(None)
    assert error.id == "orders.E001"
