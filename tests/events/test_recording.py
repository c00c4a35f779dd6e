from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from redshop.core.db import TransactionRequired
from redshop.core.models import Fact
from redshop.events import partitions, selectors, tasks
from redshop.events.factories import (
    MOMENT,
    EventIdFactory,
    IdentityFactory,
    RejectedEventFactory,
)
from redshop.events.models import Event, EventId, Identity, OptOut, RejectedEvent
from redshop.events.services import consent, identities, retention
from redshop.events.services.recording import ServerEvent, record

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def paid(person_id: int | None, **rest: Any) -> ServerEvent:
    return ServerEvent(
        kind="order_paid",
        occurred_at=MOMENT,
        person_id=person_id,
        product_id=8,
        order_id=uuid4(),
        request_id=uuid4(),
        quantity=2,
        amount_minor=25_800,
        currency="CNY",
        population="simulated",
        **rest,
    )


def test_the_server_states_what_it_made_true() -> None:
    event = paid(5)

    record([event], received_at=MOMENT + SECOND)

    kept = Event.objects.get()
    assert (kept.id, kept.kind, kept.source) == (event.id, "order_paid", "server")
    assert (kept.person_id, kept.order_id, kept.product_id) == (5, event.order_id, 8)
    assert (kept.quantity, kept.amount_minor, kept.currency) == (2, 25_800, "CNY")
    assert (kept.occurred_at, kept.received_at) == (MOMENT, MOMENT + SECOND)
    assert (kept.population, kept.surface, kept.query) == ("simulated", "", "")


def test_nothing_to_record_is_fine() -> None:
    record([])

    assert Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_statement_belongs_to_the_transaction_that_makes_it_true() -> None:
    with pytest.raises(TransactionRequired):
        record([paid(5)])

    assert Event.objects.count() == 0


def test_each_event_follows_the_consent_of_its_own_person() -> None:
    visitor = uuid4()
    IdentityFactory.create(person_id=5, visitor_id=visitor)
    consent.set_analytics(person_id=5, is_granted=False, at=MOMENT)
    theirs, anonymous = paid(5, session_id=uuid4()), paid(None, visitor_id=visitor)
    others = paid(6, visitor_id=visitor)

    record([theirs, anonymous, others])

    kept = Event.objects.get(pk=others.id)
    assert (kept.person_id, kept.visitor_id, kept.order_id) == (6, visitor, others.order_id)
    for event in Event.objects.filter(pk__in=[theirs.id, anonymous.id]):
        assert event.product_id == 8
        assert (event.person_id, event.visitor_id, event.session_id) == (None, None, None)
        assert (event.request_id, event.order_id) == (None, None)
    assert Event.objects.filter(person_id=None).count() == 2


def test_consent_can_be_given_again() -> None:
    for is_granted in (False, False, True, True):
        consent.set_analytics(person_id=5, is_granted=is_granted, at=MOMENT)

    record([paid(5)])

    assert Event.objects.get().person_id == 5
    assert OptOut.objects.count() == 0


def test_the_first_person_to_log_in_keeps_the_history() -> None:
    visitor = uuid4()

    first = identities.join(visitor_id=visitor, person_id=5, at=MOMENT)
    second = identities.join(visitor_id=visitor, person_id=6, at=MOMENT + SECOND)
    again = identities.join(visitor_id=visitor, person_id=5, at=MOMENT + SECOND)

    assert (first, second, again) == (True, False, False)
    assert Identity.objects.get().person_id == 5
    assert Identity.objects.get().joined_at == MOMENT
    assert selectors.visitors_of(5) == [visitor]
    assert selectors.visitors_of(6) == []
    (fact,) = Fact.objects.filter(kind="visitor.joined")
    assert fact.payload == {"visitor_id": str(visitor), "person_id": 5}


def test_nothing_anonymous_is_tied_to_someone_who_withdrew() -> None:
    visitor = uuid4()
    consent.set_analytics(person_id=5, is_granted=False, at=MOMENT)

    refused = identities.join(visitor_id=visitor, person_id=5, at=MOMENT)
    consent.set_analytics(person_id=5, is_granted=True, at=MOMENT)
    joined = identities.join(visitor_id=visitor, person_id=5, at=MOMENT + SECOND)

    assert (refused, joined) == (False, True)
    assert Identity.objects.get().joined_at == MOMENT + SECOND


def test_ids_are_forgotten_after_35_days_a_chunk_at_a_time() -> None:
    old = MOMENT - timedelta(days=35)
    EventIdFactory.create_batch(3, received_at=old - SECOND)
    kept = EventIdFactory.create(received_at=old)

    counts = [retention.forget_ids(at=MOMENT, limit=2) for _ in range(3)]

    assert counts == [2, 1, 0]
    assert EventId.objects.get() == kept


def test_beat_makes_partitions_ahead_and_forgets_what_is_old() -> None:
    long_ago = timezone.now() - timedelta(days=91)
    EventIdFactory.create(received_at=long_ago)
    RejectedEventFactory.create(received_at=long_ago)
    kept = RejectedEventFactory.create(received_at=timezone.now() - timedelta(days=89))

    tasks.make_partitions(from_a_newer_producer=1)
    tasks.forget()

    now = timezone.now()
    assert partitions.ensure(since=now, until=now + timedelta(days=62)) == []
    assert EventId.objects.count() == 0
    assert RejectedEvent.objects.get() == kept


@pytest.mark.django_db(transaction=True)
def test_a_month_without_partition_gets_one_when_something_happens_in_it() -> None:
    moment = MOMENT.replace(year=2033)

    with transaction.atomic():
        record([ServerEvent(kind="like", occurred_at=moment, person_id=5)])

    assert partitions.ensure(since=moment, until=moment) == []
    assert partitions.month_of(moment) in partitions._known
    assert Event.objects.get().occurred_at == moment


def test_a_month_whose_partition_was_rolled_back_is_not_taken_for_there() -> None:
    moment = MOMENT.replace(year=2034)

    with transaction.atomic():
        partitions.cover([moment])
        transaction.set_rollback(True)

    assert partitions.ensure(since=moment, until=moment) == ["events_event_2034_03"]
