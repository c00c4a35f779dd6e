"""Who brings parcels, part by part and parcel by parcel."""

from typing import Any

import pytest

from orders import carriers, factories
from orders.errors import (
    CarrierUnknown,
    LineUnknown,
    NothingToDeliver,
    ParcelUnknown,
    TrackingInvalid,
)
from orders.models import Shipment
from orders.services import fulfilment
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.core.errors import DomainError
from tests.api import ApiClient
from tests.orders.world import DAY, NOW, levels, standing


@pytest.mark.parametrize(
    ("carrier", "tracking", "kept"),
    [
        ("", "", ""),
        ("", " sf-1000 01 ", "SF-100001"),
        ("sf", "sf1234567890123", "SF1234567890123"),
        ("sf", "123456789012", "123456789012"),
        ("ems", "rr 473124829 gb", "RR473124829GB"),
        ("ups", "1Z999AA10123456784", "1Z999AA10123456784"),
        ("dhl", "1234567890", "1234567890"),
        ("other", "ABC-1", "ABC-1"),
    ],
)
def test_a_number_is_kept_as_its_carrier_writes_it(carrier: str, tracking: str, kept: str) -> None:
    assert carriers.normal(carrier=carrier, tracking=tracking) == kept


@pytest.mark.parametrize(
    ("carrier", "tracking", "error"),
    [
        ("pigeon", "1234567890", CarrierUnknown),
        ("sf", "", TrackingInvalid),
        ("sf", "SF1", TrackingInvalid),
        ("ems", "RR473124828GB", TrackingInvalid),
        ("ups", "1Z", TrackingInvalid),
        ("dhl", "123456789O", TrackingInvalid),
        ("", "abc", TrackingInvalid),
        ("", "<script>", TrackingInvalid),
        ("", "A" * 41, TrackingInvalid),
    ],
)
def test_a_number_that_its_carrier_does_not_give_is_refused(
    carrier: str, tracking: str, error: type[DomainError]
) -> None:
    with pytest.raises(error):
        carriers.normal(carrier=carrier, tracking=tracking)


@pytest.mark.django_db
def test_a_refused_number_ships_nothing(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.paid(person, sku, at=NOW)

    with pytest.raises(TrackingInvalid):
        fulfilment.ship_order(order_id=order.pk, carrier="dhl", tracking="no", at=NOW)

    assert not Shipment.objects.exists()
    assert standing(order) == ("paid", "paid", 0)
    assert levels(sku) == (10, 1)


@pytest.mark.django_db
def test_a_line_of_another_part_is_not_shipped_with_this_one(person: User) -> None:
    order = factories.paid(person, *SkuFactory.create_batch(2), at=NOW)
    first, second = order.parts.order_by("pk")

    with pytest.raises(LineUnknown):
        fulfilment.ship_order(
            order_id=order.pk,
            part_id=first.pk,
            quantities={second.lines.get().pk: 1},
            at=NOW,
        )

    assert not Shipment.objects.exists()


@pytest.mark.django_db
def test_parcels_of_a_part_arrive_one_by_one(person: User, person_api: ApiClient) -> None:
    order = factories.paid(person, quantity=3, at=NOW)
    line_id = order.lines.get().pk
    parcels: list[Any] = []
    for units, number in ((2, "SF123456789012"), (1, "")):
        carrier = "sf" if number else ""
        parcels += fulfilment.ship_order(
            order_id=order.pk,
            quantities={line_id: units},
            carrier=carrier,
            tracking=number,
            at=NOW,
        )
    shipped = standing(order)

    fulfilment.deliver_order(order_id=order.pk, parcel_ids=[parcels[1].pk], at=NOW + DAY)
    between = standing(order)
    with pytest.raises(ParcelUnknown):
        fulfilment.deliver_order(order_id=order.pk, parcel_ids=[parcels[1].pk], at=NOW + DAY)
    with pytest.raises(ParcelUnknown):
        fulfilment.deliver_order(order_id=order.pk, parcel_ids=[], at=NOW + DAY)
    fulfilment.deliver_order(order_id=order.pk, parcel_ids=[parcels[0].pk], at=NOW + 2 * DAY)
    with pytest.raises(NothingToDeliver):
        fulfilment.deliver_order(order_id=order.pk, at=NOW + 2 * DAY)

    assert (shipped[0], between[0], standing(order)[0]) == ("shipped", "shipped", "delivered")
    arrived = Shipment.objects.order_by("pk").values_list("delivered_at", flat=True)
    assert list(arrived) == [NOW + 2 * DAY, NOW + DAY]
    shown = person_api.get(f"/orders/{order.pk}").json()["parts"][0]["shipments"]
    assert [(each.get("carrier"), each.get("tracking")) for each in shown] == [
        ("sf", "SF123456789012"),
        (None, None),
    ]
