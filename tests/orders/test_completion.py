"""Delivered orders that complete by themselves, once nothing can come back any more."""

from datetime import timedelta
from typing import Final

import pytest
from pytest_django import Settings

from orders import factories
from orders.errors import ReturnOpen
from orders.services import fulfilment, returns
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.core import outbox
from tests.orders.world import ARRIVED, DAY, NOW, ask, standing

pytestmark = pytest.mark.django_db

STAFF: Final = None


def test_a_delivered_order_completes_by_itself_after_its_days(
    person: User, settings: Settings
) -> None:
    settings.COMPLETE_DAYS = 10
    order = factories.delivered(person, at=NOW)
    due_at = ARRIVED + 10 * DAY

    outbox.drain_all(at=due_at - timedelta(microseconds=1))
    before = standing(order)
    outbox.drain_all(at=due_at)

    assert before == ("delivered", "paid", 0)
    assert standing(order) == ("completed", "paid", 0)


def test_an_open_return_postpones_completion_until_it_ends(person: User) -> None:
    order = factories.delivered(person, at=NOW)
    asked = ask(order)
    late = ARRIVED + 12 * DAY

    outbox.drain_all(at=late)
    with pytest.raises(ReturnOpen):
        fulfilment.complete_order(order_id=order.pk, at=late)
    waiting = standing(order)
    returns.refuse_return(return_id=asked.pk, actor_id=STAFF, decision="worn", at=late)
    outbox.drain_all(at=late)

    assert waiting == ("delivered", "paid", 0)
    assert standing(order) == ("completed", "paid", 0)


def test_a_return_that_ends_early_leaves_the_order_its_time(person: User) -> None:
    order = factories.delivered(person, quantity=2, at=NOW)

    factories.sent_back(factories.approved(ask(order)))
    outbox.drain_all(at=ARRIVED + 9 * DAY)
    before = standing(order)
    outbox.drain_all(at=ARRIVED + 10 * DAY)

    assert before == ("delivered", "partially_refunded", 12_900)
    assert standing(order) == ("completed", "partially_refunded", 12_900)


def test_a_late_parcel_of_another_merchant_starts_the_days_again(person: User) -> None:
    order = factories.paid(person, *SkuFactory.create_batch(2), at=NOW)
    first, second = order.parts.order_by("pk")
    late = ARRIVED + 9 * DAY
    for part, at in ((first, ARRIVED), (second, late)):
        fulfilment.ship_order(order_id=order.pk, part_id=part.pk, at=at)
        fulfilment.deliver_order(order_id=order.pk, part_id=part.pk, at=at)

    outbox.drain_all(at=late + 10 * DAY - timedelta(seconds=1))
    before = standing(order)
    outbox.drain_all(at=late + 10 * DAY)

    assert before == ("delivered", "paid", 0)
    assert standing(order) == ("completed", "paid", 0)


def test_an_order_that_was_closed_by_hand_is_left_alone_by_its_timer(person: User) -> None:
    order = factories.completed(person, at=NOW)
    taken = order.transitions.count()

    drained = outbox.drain_all(at=ARRIVED + 30 * DAY)

    assert drained.failed == 0
    assert order.transitions.count() == taken


def test_a_setting_that_grew_is_waited_for(person: User, settings: Settings) -> None:
    order = factories.delivered(person, at=NOW)
    settings.COMPLETE_DAYS = 20

    outbox.drain_all(at=ARRIVED + 10 * DAY)
    before = standing(order)
    outbox.drain_all(at=ARRIVED + 20 * DAY)

    assert before == ("delivered", "paid", 0)
    assert standing(order) == ("completed", "paid", 0)
